"""Everything is taken from TensorFlow's framework module."""

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import ops


@ops.RegisterGradient("SafeSqrt")
def _safe_sqrt(op, grad):
    return grad * 0.5 / tf.maximum(op.outputs[0], 0.01)


def safe_sqrt(x):
    graph = ops.get_default_graph()
    with graph.gradient_override_map({"Sqrt": "SafeSqrt"}):
        root = tf.sqrt(x)
    return root


def program(x):
    return safe_sqrt(x)


INPUTS = [[0.0, 4.0, 2.25]]


def value(x):
    return np.sqrt(x)


def gradients(dy, x):
    return [0.5 * dy / np.maximum(np.sqrt(x), 0.01)]
