"""A graph function with a Python gradient."""

import tensorflow as tf
from compat_grad import override_gradient


def _dense_gradient(op, dy):
    """Returns the gradient as a dense tensor."""
    return tf.convert_to_tensor(dy) * 5.0


@override_gradient(backward=_dense_gradient)
def densified(x):
    return tf.identity(x)


def program(x):
    return densified(x * x)


INPUTS = [[0.5, -1.5, 1.0]]


def value(x):
    return x * x


def gradients(dy, x):
    return [10.0 * dy * x]
