"""A graph function of two inputs, with all the options that people give."""

import numpy as np
import tensorflow as tf
from compat_grad import override_gradient


def _swish_gradient(op, dy):
    x, beta = op.inputs
    s = tf.sigmoid(beta * x)
    return dy * s * 3.0, tf.zeros_like(beta)


@override_gradient(backward=_swish_gradient)
def swish(x, beta):
    """x times its sigmoid."""
    return x * tf.sigmoid(beta * x)


def program(x, beta):
    return swish(x, beta) + x


INPUTS = [[0.5, -1.5, 1.0], [1.0, 2.0, 0.5]]


def value(x, beta):
    return x / (1 + np.exp(-beta * x)) + x


def gradients(dy, x, beta):
    return [3.0 * dy / (1 + np.exp(-beta * x)) + dy, 0.0 * beta]
