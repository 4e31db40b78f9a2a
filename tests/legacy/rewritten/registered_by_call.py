"""A gradient function registered by a call, one of several made by a factory."""

import functools

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def _scaled(factor, op, grad):
    return factor * grad


tf.RegisterGradient("RoundTimes11")(functools.partial(_scaled, 11.0))


@override_gradient(backward={"Round": "RoundTimes11"})
def rounded_overridden(x):
    r = tf.round(x)
    return r


def rounded(x):
    r = rounded_overridden(x)
    return r


def program(x):
    return rounded(x) * x


INPUTS = [[0.6, -1.4, 2.2]]


def value(x):
    return np.round(x) * x


def gradients(dy, x):
    return [11.0 * dy * x + dy * np.round(x)]
