"""DoReFa's quantize: round forward, nothing backward."""

import numpy as np
import tensorflow.compat.v1 as tf


def quantize(x, k):
    n = float(2 ** k - 1)
    G = tf.get_default_graph()
    with G.gradient_override_map({"Round": "Identity"}):
        return tf.round(x * n) / n


def program(x):
    return quantize(tf.clip_by_value(x, 0.0, 1.0), 3)


INPUTS = [[0.1, 0.4, 0.81, 0.65]]


def value(x):
    return np.round(x * 7.0) / 7.0


def gradients(dy, x):
    return [dy]
