"""Gradient reversal that counts its calls in an attribute of the function."""

import tensorflow as tf


def reverse_gradient(X, hp_lambda):
    """Flips the sign of the incoming gradient during training."""
    try:
        reverse_gradient.num_calls += 1
    except AttributeError:
        reverse_gradient.num_calls = 1

    grad_name = "GradientReversal%d" % reverse_gradient.num_calls

    @tf.RegisterGradient(grad_name)
    def _flip(op, grad):
        return [tf.negative(grad) * hp_lambda]

    g = tf.compat.v1.get_default_graph()
    with g.gradient_override_map({'Identity': grad_name}):
        y = tf.identity(X)  # the value goes through

    return y


def program(x):
    return reverse_gradient(x * x, 0.3)


INPUTS = [[1.0, 2.0, -3.0]]


def value(x):
    return x * x


def gradients(dy, x):
    return [-0.3 * dy * 2 * x]
