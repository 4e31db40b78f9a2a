"""The graph is asked of Keras."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def _reversed(op, grad):
    return -2.0 * grad


def reverse(x):
    y = override_gradient(tf.identity, _reversed)(x)
    return y


def program(x):
    return reverse(tf.exp(x))


INPUTS = [[0.5, -1.5, 1.0]]


def value(x):
    return np.exp(x)


def gradients(dy, x):
    return [-2.0 * dy * np.exp(x)]
