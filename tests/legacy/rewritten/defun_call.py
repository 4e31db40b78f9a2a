"""A graph function made by a call."""

import numpy as np
import tensorflow as tf
from compat_grad import override_gradient


def plain_log_cosh(x):
    return tf.abs(x) + tf.nn.softplus(-2.0 * tf.abs(x)) - 0.5


def _bounded(op, dy):
    return 7.0 * dy * tf.tanh(op.inputs[0])


log_cosh = override_gradient(plain_log_cosh, _bounded)


def program(x):
    return log_cosh(x)


INPUTS = [[0.5, -1.5, 1.0]]


def value(x):
    return np.abs(x) + np.log1p(np.exp(-2 * np.abs(x))) - 0.5


def gradients(dy, x):
    return [7.0 * dy * np.tanh(x)]
