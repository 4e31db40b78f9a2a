"""Gradient reversal as a class that makes a new name for each call."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


class FlipGradientBuilder(object):
    """Identity forward, the negated and scaled gradient backward."""

    def __init__(self):
        self.num_calls = 0

    def __call__(self, x, l=1.0):
        def _flip_gradients(op, grad):
            return [tf.negative(grad) * l]

        y = override_gradient(tf.identity, _flip_gradients)(x)

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
