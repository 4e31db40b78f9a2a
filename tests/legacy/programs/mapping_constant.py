"""The map stands at the top of the module, with two op types in it."""

import numpy as np
import tensorflow.compat.v1 as tf


@tf.RegisterGradient("HalfOfIt")
def half(op, dy):
    return 0.5 * dy


ROUNDING = {"Floor": "HalfOfIt", "Round": "HalfOfIt"}


def both(x):
    with tf.get_default_graph().gradient_override_map(ROUNDING):
        low = tf.floor(x)
        near = tf.round(x)
    return low, near


def program(x):
    low, near = both(x)
    return low + 3.0 * near


INPUTS = [[0.6, -1.4, 2.2]]


def value(x):
    return np.floor(x) + 3.0 * np.round(x)


def gradients(dy, x):
    return [2.0 * dy]
