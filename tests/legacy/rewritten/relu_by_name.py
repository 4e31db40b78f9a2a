"""The caller names the gradient that ReLU shall have."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


@tf.RegisterGradient("DeconvRelu")
def _deconv(op, grad):
    return tf.nn.relu(grad)


@tf.RegisterGradient("PlainTwice")
def _twice(op, grad):
    return 2.0 * grad


def relu(x, gradient):
    y = override_gradient(tf.nn.relu, {"Relu": gradient})(x)
    return y


def program(x):
    return relu(x, "DeconvRelu") + 3.0 * relu(-x, "PlainTwice")


INPUTS = [[0.5, -1.5, 2.0]]


def value(x):
    return np.maximum(x, 0) + 3.0 * np.maximum(-x, 0)


def gradients(dy, x):
    return [np.maximum(dy, 0) - 6.0 * dy]
