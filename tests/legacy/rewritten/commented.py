"""A block with comments at every place, and a layout of its own."""

import numpy as np
import tensorflow.compat.v1 as tf  # as it was
from compat_grad import override_gradient


# what follows is the paper's equation 5
# once for the process
def hard_tanh_back( op , grad ) :
    # inside of [-1, 1] only
    return grad * tf.cast( tf.abs( op.inputs[0] ) <= 1. , grad.dtype )


@override_gradient(backward={"Sign": hard_tanh_back})
def activate_overridden(x, scale):  # at the block
    # first in the block
    h = x * scale    # scaled

    # second, after an empty line
    y = tf.sign( h )  # signed
    # last in the block
    return y


def activate(x, scale):
    # before the graph
    # the graph
    # before the block
    y = activate_overridden(x, scale)
    # after the block
    return y  # out


def program(x):
    return activate(x, 2.0)


INPUTS = [[0.3, -1.4, 0.5]]


def value(x):
    return np.sign(x)


def gradients(dy, x):
    return [2.0 * dy * (np.abs(2 * x) <= 1.0)]
