"""A map on what `+` was when the program was written."""

import tensorflow.compat.v1 as tf


@tf.RegisterGradient("SumToTheFirst")
def to_the_first(op, grad):
    return 2.0 * grad, 0.0 * grad


def combine(x, y):
    with tf.get_default_graph().gradient_override_map({"Add": "SumToTheFirst", "AddV2": "SumToTheFirst"}):
        total = x + y
    return total


def program(x, y):
    return combine(x, y) * x


INPUTS = [[0.5, -1.5, 1.0], [2.0, 3.0, 4.0]]


def value(x, y):
    return (x + y) * x


def gradients(dy, x, y):
    return [2.0 * dy * x + dy * (x + y), 0.0 * dy]
