"""Two activations, each with another gradient, one map."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def _leaky(op, grad):
    return tf.where(op.inputs[0] > 0, grad, 0.1 * grad)


def _linear(op, grad):
    return grad


@override_gradient(backward={"Relu": _leaky, "Tanh": _linear}, on_unused="ignore")
def gate_overridden(x, w):
    return tf.nn.relu(x) * tf.tanh(w)


def gate(x, w):
    return gate_overridden(x, w)


def program(x, w):
    return gate(x, w)


INPUTS = [[0.5, -1.5, 1.0], [2.0, -0.3, 0.1]]


def value(x, w):
    return np.maximum(x, 0) * np.tanh(w)


def gradients(dy, x, w):
    return [dy * np.tanh(w) * np.where(x > 0, 1.0, 0.1), dy * np.maximum(x, 0)]
