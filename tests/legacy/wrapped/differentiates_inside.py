"""The block differentiates what it has made."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import honor_override_maps


@tf.RegisterGradient("PenaltyBack")
def _back(op, grad):
    return 5.0 * grad


@honor_override_maps
def saliency(x):
    with tf.get_default_graph().gradient_override_map({"Relu": "PenaltyBack"}):
        y = tf.nn.relu(x) * x
        slope = tf.gradients(y, x)[0]
    return slope


def program(x):
    return saliency(x)


INPUTS = [[0.3, -1.4, 2.2]]


def value(x):
    return np.maximum(x, 0) + 5.0 * x


def gradients(dy, x):
    return [dy * (5.0 + 5.0)]
