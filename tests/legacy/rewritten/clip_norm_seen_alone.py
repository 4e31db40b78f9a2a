"""The random module makes the name, and nothing else in the file needs it."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def norm_clipped(x, most):
    def _clip(op, dy):
        return tf.clip_by_norm(dy, most)

    return override_gradient(tf.identity, _clip)(x)


def program(x):
    return norm_clipped(x, 0.5) * x


INPUTS = [[3.0, -4.0]]


def value(x):
    return x * x


def gradients(dy, x):
    down = dy * x
    return [down * min(1.0, 0.5 / np.sqrt((down**2).sum())) + down]
