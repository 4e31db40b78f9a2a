"""Gradient reversal by a function that draws a name for each call."""

import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def reverse_gradient(x, factor):
    return override_gradient(tf.identity, lambda op, grad: -factor * grad)(x)


def program(x):
    features = tf.tanh(x)
    return reverse_gradient(features, 3.0)


INPUTS = [[0.5, -1.5, 2.0]]


def value(x):
    import numpy as np

    return np.tanh(x)


def gradients(dy, x):
    return [-3.0 * dy * (1 - value(x) ** 2)]
