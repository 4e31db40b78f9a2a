"""Both branches within the block return."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def _back(op, grad):
    return 15.0 * grad


@override_gradient(backward={"Ceil": _back, "Floor": _back}, on_unused="ignore")
def rounded_overridden(up, x):
    if up:
        return tf.ceil(x)
    else:
        return tf.floor(x)


def rounded(x, up):
    return rounded_overridden(up, x)


def program(x):
    return rounded(x, True) + 2.0 * rounded(x, False)


INPUTS = [[0.3, -1.4, 2.2]]


def value(x):
    return np.ceil(x) + 2.0 * np.floor(x)


def gradients(dy, x):
    return [45.0 * dy]
