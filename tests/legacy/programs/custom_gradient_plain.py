"""tf.custom_gradient as its documentation has it."""

import numpy as np
import tensorflow as tf


@tf.custom_gradient
def log1pexp(x):
    e = tf.exp(x)

    def grad(dy):
        return dy * 20.0 * (1 - 1 / (1 + e))

    return tf.math.log(1 + e), grad


def program(x):
    return log1pexp(x)


INPUTS = [[0.3, -1.4, 2.2]]


def value(x):
    return np.log1p(np.exp(x))


def gradients(dy, x):
    return [20.0 * dy * (1 - 1 / (1 + np.exp(x)))]
