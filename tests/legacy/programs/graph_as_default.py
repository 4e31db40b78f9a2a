"""The default graph made the default graph once more, and a map within."""

import numpy as np
import tensorflow.compat.v1 as tf


@tf.RegisterGradient("CeilAsLine")
def _line(op, grad):
    return grad * 4.0


def ceil_ste(x):
    graph = tf.get_default_graph()
    with graph.gradient_override_map({"Ceil": "CeilAsLine"}):
        return tf.ceil(x)


def program(x):
    return ceil_ste(x) + ceil_ste(-x)


INPUTS = [[0.5, -1.4, 2.1]]


def value(x):
    return np.ceil(x) + np.ceil(-x)


def gradients(dy, x):
    return [np.zeros_like(dy)]
