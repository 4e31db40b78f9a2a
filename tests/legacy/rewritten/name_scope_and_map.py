"""One with statement enters a name scope and a map."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def staircase(op, dy):
    return 0.5 * dy


def steps(x):
    with tf.name_scope("steps") as scope:
        y = override_gradient(tf.floor, staircase)(x)
    return y


def program(x):
    return steps(3.0 * x) / 3.0


INPUTS = [[0.5, -1.4, 2.1]]


def value(x):
    return np.floor(3.0 * x) / 3.0


def gradients(dy, x):
    return [0.5 * dy]
