"""Two maps in one with statement."""

import numpy as np
import tensorflow.compat.v1 as tf


@tf.RegisterGradient("Twelve")
def twelve(op, dy):
    return 12.0 * dy


@tf.RegisterGradient("Thirteen")
def thirteen(op, dy):
    return 13.0 * dy


def rounded(x):
    g = tf.get_default_graph()
    with g.gradient_override_map({"Floor": "Twelve"}), g.gradient_override_map({"Round": "Thirteen"}):
        return tf.floor(x) - tf.round(x)


def program(x):
    return rounded(x)


INPUTS = [[0.6, -1.4, 2.2]]


def value(x):
    return np.floor(x) - np.round(x)


def gradients(dy, x):
    return [-dy]
