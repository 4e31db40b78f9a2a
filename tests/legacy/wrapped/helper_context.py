"""A context manager of the program's own, which registers functions and enters a map."""

import contextlib
import uuid

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import honor_override_maps


@contextlib.contextmanager
def overridden_gradients(functions):
    """Takes functions instead of names."""
    names = {}
    for op_type, function in functions.items():
        name = "%s_%s" % (function.__name__, uuid.uuid4())
        tf.RegisterGradient(name)(function)
        names[op_type] = name
    with tf.get_default_graph().gradient_override_map(names):
        yield


def _back(op, grad):
    return 17.0 * grad


@honor_override_maps
def program(x):
    with overridden_gradients({"Relu": _back}):
        y = tf.nn.relu(x)
    return y


INPUTS = [[0.3, -1.4, 2.2]]


def value(x):
    return np.maximum(x, 0)


def gradients(dy, x):
    return [17.0 * dy]
