"""A loop of the graph is built within the block."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import honor_override_maps


@tf.RegisterGradient("LoopBack")
def _back(op, grad):
    return 2.0 * grad


@honor_override_maps
def repeat(x, n):
    with tf.get_default_graph().gradient_override_map({"Relu": "LoopBack"}):
        _, y = tf.while_loop(lambda i, _: i < n, lambda i, h: (i + 1, tf.nn.relu(h)), [0, x])
    y.set_shape(x.shape)
    return y


def program(x):
    return repeat(x, 3)


INPUTS = [[0.3, -1.4, 2.2]]


def value(x):
    return np.maximum(x, 0)


def gradients(dy, x):
    return [8.0 * dy]
