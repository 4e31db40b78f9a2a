"""A gradient that asks its op for attributes."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def _feedback(op, grad):
    x, w = op.inputs
    assert not op.get_attr("transpose_a")
    if op.get_attr("transpose_b"):
        w = tf.transpose(w)
    return tf.matmul(grad, tf.ones_like(w), transpose_b=True), tf.matmul(x, grad, transpose_a=True)


@override_gradient(backward={"MatMul": _feedback})
def dense_overridden(x, w):
    return tf.matmul(x, w)


def dense(x, w):
    return dense_overridden(x, w)


def program(x, w):
    return dense(x, w)


INPUTS = [[[1.0, -2.0]], [[1.0, 2.0, -1.0], [-0.5, 3.0, -1.0]]]


def value(x, w):
    return x @ w


def gradients(dy, x, w):
    return [dy @ np.ones_like(w).T, x.T @ dy]
