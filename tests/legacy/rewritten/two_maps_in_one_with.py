"""Two maps in one with statement."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def twelve(op, dy):
    return 12.0 * dy


def thirteen(op, dy):
    return 13.0 * dy


@override_gradient(backward={"Floor": twelve, "Round": thirteen}, on_unused="ignore")
def rounded_overridden(x):
    return tf.floor(x) - tf.round(x)


def rounded(x):
    return rounded_overridden(x)


def program(x):
    return rounded(x)


INPUTS = [[0.6, -1.4, 2.2]]


def value(x):
    return np.floor(x) - np.round(x)


def gradients(dy, x):
    return [-dy]
