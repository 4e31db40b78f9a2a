"""Gradient reversal that counts its calls in an attribute of the function."""

import tensorflow as tf
from compat_grad import override_gradient


def reverse_gradient(X, hp_lambda):
    """Flips the sign of the incoming gradient during training."""
    try:
        reverse_gradient.num_calls += 1
    except AttributeError:
        reverse_gradient.num_calls = 1

    def _flip(op, grad):
        return [tf.negative(grad) * hp_lambda]

    y = override_gradient(tf.identity, _flip)(X)  # the value goes through

    return y


def program(x):
    return reverse_gradient(x * x, 0.3)


INPUTS = [[1.0, 2.0, -3.0]]


def value(x):
    return x * x


def gradients(dy, x):
    return [-0.3 * dy * 2 * x]
