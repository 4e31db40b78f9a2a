"""Three tensors leave the block, one of them bound before, too."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def _back(op, grad):
    return 4.0 * grad


@override_gradient(backward={"Floor": _back})
def parts_overridden(x, total):
    whole = tf.floor(x)
    rest = x - whole
    total = total + whole
    return whole, rest, total


def parts(x):
    total = x * 0.5
    whole, rest, total = parts_overridden(x, total)
    return whole, rest, total


def program(x):
    whole, rest, total = parts(x)
    return whole + 10.0 * rest + 100.0 * total


INPUTS = [[0.3, -1.4, 2.2]]


def value(x):
    return np.floor(x) + 10 * (x - np.floor(x)) + 100 * (0.5 * x + np.floor(x))


def gradients(dy, x):
    return [dy * (4.0 + 10.0 * (1 - 4.0) + 100.0 * (0.5 + 4.0))]
