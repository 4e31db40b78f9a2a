"""Gradient reversal by a function that draws a name for each call."""

import uuid

import tensorflow.compat.v1 as tf


def reverse_gradient(x, factor):
    name = "ReverseGradient_{}".format(uuid.uuid4())
    tf.RegisterGradient(name)(lambda op, grad: -factor * grad)
    with tf.get_default_graph().gradient_override_map({"Identity": name}):
        return tf.identity(x)


def program(x):
    features = tf.tanh(x)
    return reverse_gradient(features, 3.0)


INPUTS = [[0.5, -1.5, 2.0]]


def value(x):
    import numpy as np

    return np.tanh(x)


def gradients(dy, x):
    return [-3.0 * dy * (1 - value(x) ** 2)]
