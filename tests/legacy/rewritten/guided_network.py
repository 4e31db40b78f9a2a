"""A network of two layers built under one map; what it makes is used after the block."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def guided(op, grad):
    return tf.where(grad > 0.0, tf.cast(op.inputs[0] > 0, grad.dtype) * grad, tf.zeros_like(grad))


@override_gradient(backward={"Relu": guided})
def network_overridden(images, w1, w2):
    hidden = tf.nn.relu(tf.matmul(images, w1))
    scores = tf.nn.relu(tf.matmul(hidden, w2))
    return hidden, scores


def network(images, w1, w2):
    hidden, scores = network_overridden(images, w1, w2)
    return scores - tf.reduce_sum(hidden, 1, keepdims=True)


def program(images, w1, w2):
    return network(images, w1, w2)


INPUTS = [[[1.0, -2.0]], [[1.0, 2.0, -1.0], [-0.5, 3.0, -1.0]], [[1.0, 0.5], [2.0, 1.0], [1.5, -1.0]]]


def _forward(images, w1, w2):
    before = images @ w1
    hidden = np.maximum(before, 0)
    out = hidden @ w2
    return before, hidden, out


def value(images, w1, w2):
    _, hidden, out = _forward(images, w1, w2)
    return np.maximum(out, 0) - hidden.sum(1, keepdims=True)


def gradients(dy, images, w1, w2):
    before, hidden, out = _forward(images, w1, w2)
    d_out = dy * (out > 0) * (dy > 0)
    d_hidden = d_out @ w2.T - dy.sum(1, keepdims=True)
    d_before = d_hidden * (before > 0) * (d_hidden > 0)
    return [d_before @ w1.T, images.T @ d_before, hidden.T @ d_out]
