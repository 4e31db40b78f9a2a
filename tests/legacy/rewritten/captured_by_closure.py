"""A function within a function: the block reads tensors of the outer one."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def _linear(op, grad):
    return 2.0 * grad


def cell(x, w):
    scaled = x * 3.0

    def step(h):
        return override_gradient(tf.tanh, _linear)(h * w + scaled)

    return step(step(x))


def program(x, w):
    return cell(x, w)


INPUTS = [[0.3, -0.4, 0.2], [0.6, 0.3, -0.9]]


def value(x, w):
    return np.tanh(np.tanh(x * w + 3 * x) * w + 3 * x)


def gradients(dy, x, w):
    h = np.tanh(x * w + 3 * x)
    d_second = 2.0 * dy
    d_first = 2.0 * d_second * w
    return [d_second * 3 + d_first * (w + 3), d_second * h + d_first * x]
