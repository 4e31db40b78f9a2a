"""Everything is taken from TensorFlow's framework module."""

import numpy as np
import tensorflow as tf
from compat_grad import override_gradient


def _safe_sqrt(op, grad):
    return grad * 0.5 / tf.maximum(op.outputs[0], 0.01)


def safe_sqrt(x):
    root = override_gradient(tf.sqrt, _safe_sqrt)(x)
    return root


def program(x):
    return safe_sqrt(x)


INPUTS = [[0.0, 4.0, 2.25]]


def value(x):
    return np.sqrt(x)


def gradients(dy, x):
    return [0.5 * dy / np.maximum(np.sqrt(x), 0.01)]
