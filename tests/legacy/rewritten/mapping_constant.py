"""The map stands at the top of the module, with two op types in it."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def half(op, dy):
    return 0.5 * dy


@override_gradient(backward={"Floor": half, "Round": half}, on_unused="ignore")
def both_overridden(x):
    low = tf.floor(x)
    near = tf.round(x)
    return low, near


def both(x):
    low, near = both_overridden(x)
    return low, near


def program(x):
    low, near = both(x)
    return low + 3.0 * near


INPUTS = [[0.6, -1.4, 2.2]]


def value(x):
    return np.floor(x) + 3.0 * np.round(x)


def gradients(dy, x):
    return [2.0 * dy]
