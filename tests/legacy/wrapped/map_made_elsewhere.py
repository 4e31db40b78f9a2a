"""The map comes from a function, as a dict."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import honor_override_maps


@tf.RegisterGradient("ElsewhereBack")
def _back(op, grad):
    return 23.0 * grad


def overrides(types):
    return {one: "ElsewhereBack" for one in types}


@honor_override_maps
def program(x):
    with tf.get_default_graph().gradient_override_map(overrides(["Floor", "Ceil"])):
        y = tf.floor(x)
    return y


INPUTS = [[0.3, -1.4, 2.2]]


def value(x):
    return np.floor(x)


def gradients(dy, x):
    return [23.0 * dy]
