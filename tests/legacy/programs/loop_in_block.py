"""A stack of layers built by a loop within the block."""

import numpy as np
import tensorflow.compat.v1 as tf


@tf.RegisterGradient("ReluTimes2")
def _twice(op, grad):
    return 2.0 * grad


def stack(x, n_layers):
    net = x
    with tf.get_default_graph().gradient_override_map({"Relu": "ReluTimes2"}):
        for i in range(n_layers):
            shifted = net + float(i)
            net = tf.nn.relu(shifted)
    return net


def program(x):
    return stack(x, 3)


INPUTS = [[0.5, -1.5, 2.0]]


def value(x):
    return np.maximum(x, 0) + 3.0


def gradients(dy, x):
    return [8.0 * dy]
