"""The map is entered in each turn of a loop, a Python condition within."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def _thrice(op, grad):
    return 3.0 * grad


@override_gradient(backward={"Floor": _thrice}, on_unused="ignore")
def bits_overridden(bit, keep_sign, x):
    scale = 2.0 ** bit
    if keep_sign:
        plane = tf.sign(x) * tf.floor(tf.abs(x) * scale)
    else:
        plane = tf.floor(x * scale)
    return scale, plane


def bits(x, n_bits, keep_sign=False):
    result = 0.0
    for bit in range(n_bits):
        scale, plane = bits_overridden(bit, keep_sign, x)
        result = result + plane / scale
    return result


def program(x):
    return bits(x, 2)


INPUTS = [[0.3, -1.4, 2.8]]


def value(x):
    return np.floor(x) + np.floor(2 * x) / 2


def gradients(dy, x):
    return [6.0 * dy]
