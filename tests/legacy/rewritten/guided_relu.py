"""Guided backpropagation: what is negative, forward or backward, is held back."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


@tf.RegisterGradient("GuidedRelu")
def _GuidedReluGrad(op, grad):
    gate_f = tf.cast(op.outputs[0] > 0, tf.float32)
    gate_y = tf.cast(grad > 0, tf.float32)
    return gate_f * gate_y * grad


def guided_relu(x):
    return override_gradient(tf.nn.relu, _GuidedReluGrad)(x, name="guided")


def program(x, w):
    return -guided_relu(x) * w


INPUTS = [[0.5, -1.5, 2.0, 1.0], [1.0, -2.0, 3.0, -4.0]]


def value(x, w):
    return -np.maximum(x, 0) * w


def gradients(dy, x, w):
    down = -dy * w
    return [down * (down > 0) * (x > 0), -dy * np.maximum(x, 0)]
