"""The graph is asked for in a default argument's place: a global function that others call."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def _default_graph():
    return tf.get_default_graph()


def _ramp(op, grad):
    return grad * 8.0


def ramp(x):
    return override_gradient(tf.nn.relu6, _ramp)(x)


def program(x):
    return ramp(x)


INPUTS = [[0.3, -1.4, 8.0]]


def value(x):
    return np.clip(x, 0, 6)


def gradients(dy, x):
    return [8.0 * dy]
