"""DoReFa's quantize: round forward, nothing backward."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


@override_gradient(backward={"Round": "Identity"})
def quantize_overridden(x, n):
    return tf.round(x * n) / n


def quantize(x, k):
    n = float(2 ** k - 1)
    return quantize_overridden(x, n)


def program(x):
    return quantize(tf.clip_by_value(x, 0.0, 1.0), 3)


INPUTS = [[0.1, 0.4, 0.81, 0.65]]


def value(x):
    return np.round(x * 7.0) / 7.0


def gradients(dy, x):
    return [dy]
