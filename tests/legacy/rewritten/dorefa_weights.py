"""Weights binarised to their mean magnitude: two statements under one map."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


@override_gradient(backward={"Sign": "Identity"})
def binary_weights_overridden(x):
    # the scale has no gradient
    E = tf.stop_gradient(tf.reduce_mean(tf.abs(x)))
    return tf.sign(x / E) * E


def binary_weights(x):
    return binary_weights_overridden(x)


def program(x):
    return binary_weights(x) * 2.0


INPUTS = [[0.5, -1.5, 1.0, -0.25]]


def value(x):
    return 2.0 * np.sign(x) * np.mean(np.abs(x))


def gradients(dy, x):
    return [2.0 * dy]
