"""A stack of layers built by a loop within the block."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def _twice(op, grad):
    return 2.0 * grad


@override_gradient(backward={"Relu": _twice}, on_unused="ignore")
def stack_overridden(n_layers, net):
    for i in range(n_layers):
        shifted = net + float(i)
        net = tf.nn.relu(shifted)
    return net


def stack(x, n_layers):
    net = x
    net = stack_overridden(n_layers, net)
    return net


def program(x):
    return stack(x, 3)


INPUTS = [[0.5, -1.5, 2.0]]


def value(x):
    return np.maximum(x, 0) + 3.0


def gradients(dy, x):
    return [8.0 * dy]
