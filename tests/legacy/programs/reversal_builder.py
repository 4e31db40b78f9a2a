"""Gradient reversal as a class that makes a new name for each call."""

import numpy as np
import tensorflow.compat.v1 as tf


class FlipGradientBuilder(object):
    """Identity forward, the negated and scaled gradient backward."""

    def __init__(self):
        self.num_calls = 0

    def __call__(self, x, l=1.0):
        grad_name = "FlipGradient%d" % self.num_calls

        @tf.RegisterGradient(grad_name)
        def _flip_gradients(op, grad):
            return [tf.negative(grad) * l]

        g = tf.get_default_graph()
        with g.gradient_override_map({"Identity": grad_name}):
            y = tf.identity(x)

        self.num_calls += 1
        return y


flip_gradient = FlipGradientBuilder()


def program(x):
    return flip_gradient(tf.square(x), 0.5) + flip_gradient(x)


INPUTS = [[0.5, -1.5, 2.0]]


def value(x):
    return x * x + x


def gradients(dy, x):
    return [-0.5 * dy * 2 * x - dy]
