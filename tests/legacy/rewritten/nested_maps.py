"""A map within a map: the inner one holds where both name an op type."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


@tf.RegisterGradient("Ten")
def ten(op, dy):
    return 10.0 * dy


def seven(op, dy):
    return 7.0 * dy


@override_gradient(backward={"Floor": seven})
def layered_overridden(x):
    b = tf.floor(x) + tf.round(x)
    return b


@override_gradient(backward={"Floor": ten, "Round": ten}, on_unused="ignore")
def layered_overridden_2(x):
    a = tf.floor(x)
    b = layered_overridden(x)
    c = tf.floor(x)
    return a, b, c


def layered(x):
    a, b, c = layered_overridden_2(x)
    return a + b + c


def program(x):
    return layered(x)


INPUTS = [[0.6, -1.4, 2.2]]


def value(x):
    return 3 * np.floor(x) + np.round(x)


def gradients(dy, x):
    return [37.0 * dy]
