"""DoReFa's three functions, made by one, sharing the graph of the time."""

import numpy as np
import tensorflow as tf
from compat_grad import override_gradient


@override_gradient(backward={"Round": "Identity"})
def quantize_overridden(x, n):
    return tf.round(x * n) / n


def get_dorefa(bitW, bitA, bitG):
    def quantize(x, k):
        n = float(2 ** k - 1)
        return quantize_overridden(x, n)

    def fw(x):
        if bitW == 32:
            return x
        x = tf.tanh(x)
        x = x / tf.reduce_max(tf.abs(x)) * 0.5 + 0.5
        return 2 * quantize(x, bitW) - 1

    def fa(x):
        if bitA == 32:
            return x
        return quantize(x, bitA)

    def grad_fg(op, x):
        maxx = tf.reduce_max(tf.abs(x))
        x = x / maxx
        n = float(2 ** bitG - 1)
        x = x * 0.5 + 0.5
        x = tf.round(tf.clip_by_value(x, 0.0, 1.0) * n) / n - 0.5
        return x * maxx * 2

    def fg(x):
        if bitG == 32:
            return x
        return override_gradient(tf.identity, grad_fg)(x)

    return fw, fa, fg


def make():
    fw, fa, fg = get_dorefa(32, 2, 32)

    def run(x, w):
        return fg(fa(x) * fw(w))

    return run, []


INPUTS = [[0.1, 0.4, 0.9], [2.0, 3.0, 5.0]]


def value(x, w):
    return np.round(x * 3.0) / 3.0 * w


def gradients(dy, x, w):
    return [dy * w, dy * np.round(x * 3.0) / 3.0]
