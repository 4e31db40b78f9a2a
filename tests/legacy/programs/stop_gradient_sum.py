"""The stop_gradient trick, as a function and in a line."""

import numpy as np
import tensorflow as tf


def hard_threshold(x):
    soft = tf.sigmoid(4.0 * x)
    hard = tf.cast(x > 0.0, x.dtype)
    return soft + tf.stop_gradient(hard - soft)


def program(x):
    r = tf.round(x)
    return hard_threshold(x) + x + tf.stop_gradient(r - x)


INPUTS = [[0.3, -1.4, 2.2]]


def value(x):
    return (x > 0) + np.round(x)


def gradients(dy, x):
    s = 1 / (1 + np.exp(-4.0 * x))
    return [dy * (4.0 * s * (1 - s) + 1)]
