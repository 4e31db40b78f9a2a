"""A gradient function registered by a call, one of several made by a factory."""

import functools

import numpy as np
import tensorflow.compat.v1 as tf


def _scaled(factor, op, grad):
    return factor * grad


tf.RegisterGradient("RoundTimes11")(functools.partial(_scaled, 11.0))


def rounded(x):
    with tf.get_default_graph().gradient_override_map({"Round": "RoundTimes11"}):
        r = tf.round(x)
    return r


def program(x):
    return rounded(x) * x


INPUTS = [[0.6, -1.4, 2.2]]


def value(x):
    return np.round(x) * x


def gradients(dy, x):
    return [11.0 * dy * x + dy * np.round(x)]
