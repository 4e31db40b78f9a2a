"""Three tensors leave the block, one of them bound before, too."""

import numpy as np
import tensorflow.compat.v1 as tf


@tf.RegisterGradient("SortedBack")
def _back(op, grad):
    return 4.0 * grad


def parts(x):
    total = x * 0.5
    with tf.get_default_graph().gradient_override_map({"Floor": "SortedBack"}):
        whole = tf.floor(x)
        rest = x - whole
        total = total + whole
    return whole, rest, total


def program(x):
    whole, rest, total = parts(x)
    return whole + 10.0 * rest + 100.0 * total


INPUTS = [[0.3, -1.4, 2.2]]


def value(x):
    return np.floor(x) + 10 * (x - np.floor(x)) + 100 * (0.5 * x + np.floor(x))


def gradients(dy, x):
    return [dy * (4.0 + 10.0 * (1 - 4.0) + 100.0 * (0.5 + 4.0))]
