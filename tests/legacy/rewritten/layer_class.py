"""A layer of its own with weights; the map is in its __call__."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def _binary_weight(op, grad):
    return tf.clip_by_value(grad, -1.0, 1.0) * 3.0


@override_gradient(backward={"Sign": _binary_weight})
def call_overridden(self, x):
    wb = tf.sign(self.w)
    out = tf.matmul(x, wb)
    return out


class BinaryDense(object):
    def __init__(self, weights):
        self.w = tf.Variable(weights)
        self.graph = tf.get_default_graph()

    def __call__(self, x):
        out = call_overridden(self, x)
        return out


WEIGHTS = np.array([[0.5, -1.5], [2.0, 1.0]], np.float32)


def make():
    layer = BinaryDense(WEIGHTS)
    return layer, [layer.w]


INPUTS = [[[1.0, -2.0], [0.125, 3.0]]]


def value(x):
    return x @ np.sign(WEIGHTS)


def gradients(dy, x):
    return [dy @ np.sign(WEIGHTS).T, 3.0 * np.clip(x.T @ dy, -1.0, 1.0)]
