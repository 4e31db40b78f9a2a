"""The graph is asked of Keras."""

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.compat.v1.keras import backend as K


@tf.RegisterGradient("KerasReversed")
def _reversed(op, grad):
    return -2.0 * grad


def reverse(x):
    g = K.get_session().graph
    with g.gradient_override_map({"Identity": "KerasReversed"}):
        y = tf.identity(x)
    return y


def program(x):
    return reverse(tf.exp(x))


INPUTS = [[0.5, -1.5, 1.0]]


def value(x):
    return np.exp(x)


def gradients(dy, x):
    return [-2.0 * dy * np.exp(x)]
