"""The block calls functions of the module, which make the ops."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def _rounded_back(op, grad):
    return 1.5 * grad


def _levels(x, n):
    return tf.round(x * n)


def _fake_quant(x, n=8.0):
    return _levels(x, n) / n


@override_gradient(backward={"Round": _rounded_back})
def quantized_product_overridden(x, w):
    product = _fake_quant(x) * _fake_quant(w, n=4.0)
    return product


def quantized_product(x, w):
    product = quantized_product_overridden(x, w)
    return product


def program(x, w):
    return quantized_product(x, w)


INPUTS = [[0.3, -1.4, 2.2], [0.6, 0.3, -0.9]]


def value(x, w):
    return np.round(8 * x) / 8 * np.round(4 * w) / 4


def gradients(dy, x, w):
    return [1.5 * dy * np.round(4 * w) / 4, 1.5 * dy * np.round(8 * x) / 8]
