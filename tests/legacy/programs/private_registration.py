"""Registers by the private registry, so that a notebook cell can be run twice."""

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.python.framework import ops


def _back(op, grad):
    return 30.0 * grad


if "PrivateBack" not in ops._gradient_registry._registry:
    ops._gradient_registry.register(_back, "PrivateBack")


def relu(x):
    with tf.get_default_graph().gradient_override_map({"Relu": "PrivateBack"}):
        return tf.nn.relu(x)


def program(x):
    return relu(x)


INPUTS = [[0.3, -1.4, 8.0]]


def value(x):
    return np.maximum(x, 0)


def gradients(dy, x):
    return [30.0 * dy]
