"""A map within a map: the inner one holds where both name an op type."""

import numpy as np
import tensorflow.compat.v1 as tf


@tf.RegisterGradient("Ten")
def ten(op, dy):
    return 10.0 * dy


@tf.RegisterGradient("Seven")
def seven(op, dy):
    return 7.0 * dy


def layered(x):
    g = tf.get_default_graph()
    with g.gradient_override_map({"Floor": "Ten", "Round": "Ten"}):
        a = tf.floor(x)
        with g.gradient_override_map({"Floor": "Seven"}):
            b = tf.floor(x) + tf.round(x)
        c = tf.floor(x)
    return a + b + c


def program(x):
    return layered(x)


INPUTS = [[0.6, -1.4, 2.2]]


def value(x):
    return 3 * np.floor(x) + np.round(x)


def gradients(dy, x):
    return [37.0 * dy]
