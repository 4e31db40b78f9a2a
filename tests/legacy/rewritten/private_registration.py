"""Registers by the private registry, so that a notebook cell can be run twice."""

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.python.framework import ops
from compat_grad import override_gradient


def _back(op, grad):
    return 30.0 * grad


if "PrivateBack" not in ops._gradient_registry._registry:
    ops._gradient_registry.register(_back, "PrivateBack")


@override_gradient(backward={"Relu": "PrivateBack"})
def relu_overridden(x):
    return tf.nn.relu(x)


def relu(x):
    return relu_overridden(x)


def program(x):
    return relu(x)


INPUTS = [[0.3, -1.4, 8.0]]


def value(x):
    return np.maximum(x, 0)


def gradients(dy, x):
    return [30.0 * dy]
