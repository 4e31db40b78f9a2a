"""A graph function whose gradient is a graph function."""

import numpy as np
import tensorflow as tf
from compat_grad import override_gradient


def relu6_back(x, dy):
    return dy * tf.cast(tf.logical_and(x > 0.0, x < 6.0), tf.float32) * 9.0


@override_gradient(backward=lambda op, *grads: relu6_back(*op.inputs, *grads))
def relu6(x):
    return tf.minimum(tf.maximum(x, 0.0), 6.0)


def program(x):
    return relu6(2.0 * x)


INPUTS = [[0.5, -1.5, 5.0]]


def value(x):
    return np.clip(2 * x, 0, 6)


def gradients(dy, x):
    return [18.0 * dy * ((x > 0) & (2 * x < 6))]
