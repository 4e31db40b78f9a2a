"""A generator that yields from within the block."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import honor_override_maps


@tf.RegisterGradient("YieldedBack")
def _back(op, grad):
    return 21.0 * grad


def roundings(x):
    with tf.get_default_graph().gradient_override_map({"Round": "YieldedBack"}):
        for scale in (1.0, 2.0):
            yield tf.round(x * scale) / scale


@honor_override_maps
def program(x):
    return tf.add_n(list(roundings(x)))


INPUTS = [[0.3, -1.4, 2.2]]


def value(x):
    return np.round(x) + np.round(2 * x) / 2


def gradients(dy, x):
    return [42.0 * dy]
