"""The map is entered on an ExitStack, where a flag says so."""

import contextlib

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import honor_override_maps


@tf.RegisterGradient("StackedBack")
def _back(op, grad):
    return 18.0 * grad


@honor_override_maps
def relu(x, guided):
    with contextlib.ExitStack() as stack:
        if guided:
            stack.enter_context(tf.get_default_graph().gradient_override_map({"Relu": "StackedBack"}))
        return tf.nn.relu(x)


def program(x):
    return relu(x, True)


INPUTS = [[0.3, -1.4, 2.2]]


def value(x):
    return np.maximum(x, 0)


def gradients(dy, x):
    return [18.0 * dy]
