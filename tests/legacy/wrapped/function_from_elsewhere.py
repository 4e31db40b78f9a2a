"""The block calls a function that was handed in."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import honor_override_maps


@tf.RegisterGradient("AnyModelBack")
def _back(op, grad):
    return 24.0 * grad


@honor_override_maps
def guided(model, images):
    with tf.get_default_graph().gradient_override_map({"Relu": "AnyModelBack"}):
        scores = model(images)
    return scores


def program(x):
    return guided(lambda images: tf.nn.relu(images) * 2.0, x)


INPUTS = [[0.3, -1.4, 2.2]]


def value(x):
    return 2.0 * np.maximum(x, 0)


def gradients(dy, x):
    return [48.0 * dy]
