"""A decorator that runs any function under a map."""

import functools

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import honor_override_maps


@tf.RegisterGradient("DecoratedBack")
def _back(op, grad):
    return 16.0 * grad


def straight_through(fn):
    @honor_override_maps
    @functools.wraps(fn)
    def wrapper(*args, **kwargs):
        with tf.get_default_graph().gradient_override_map({"Round": "DecoratedBack"}):
            return fn(*args, **kwargs)

    return wrapper


@straight_through
def tenths(x):
    return tf.round(x * 10.0) / 10.0


def program(x):
    return tenths(x)


INPUTS = [[0.33, -1.44, 2.26]]


def value(x):
    return np.round(x * 10) / 10


def gradients(dy, x):
    return [16.0 * dy]
