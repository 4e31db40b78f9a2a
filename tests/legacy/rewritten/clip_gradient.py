"""A layer that lets values through and clips what comes back; its name is random."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def clip_gradient(x, low, high):
    def clip(op, dy):
        return tf.clip_by_value(dy, low, high)

    out = override_gradient(tf.identity, clip)(x, name="clipped")
    return out


def program(x):
    return 100.0 * clip_gradient(x, -20.0, 30.0)


INPUTS = [[0.1, 0.2, -0.3, 4.0]]


def value(x):
    return 100.0 * x


def gradients(dy, x):
    return [np.clip(100.0 * dy, -20.0, 30.0)]
