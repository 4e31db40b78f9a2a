"""Two activations, each with another gradient, one map."""

import numpy as np
import tensorflow.compat.v1 as tf


@tf.RegisterGradient("LeakyBack")
def _leaky(op, grad):
    return tf.where(op.inputs[0] > 0, grad, 0.1 * grad)


@tf.RegisterGradient("LinearBack")
def _linear(op, grad):
    return grad


def gate(x, w):
    with tf.get_default_graph().gradient_override_map({"Relu": "LeakyBack", "Tanh": "LinearBack"}):
        return tf.nn.relu(x) * tf.tanh(w)


def program(x, w):
    return gate(x, w)


INPUTS = [[0.5, -1.5, 1.0], [2.0, -0.3, 0.1]]


def value(x, w):
    return np.maximum(x, 0) * np.tanh(w)


def gradients(dy, x, w):
    return [dy * np.tanh(w) * np.where(x > 0, 1.0, 0.1), dy * np.maximum(x, 0)]
