"""Nothing is registered: TensorFlow's own gradient of another op is named."""

import numpy as np
import tensorflow.compat.v1 as tf


def hard_sigmoid_ste(x):
    g = tf.get_default_graph()
    with g.gradient_override_map({"Floor": "Neg"}):
        return tf.floor(x)


def program(x):
    return hard_sigmoid_ste(x * 2.0)


INPUTS = [[0.6, -1.4, 2.2]]


def value(x):
    return np.floor(2.0 * x)


def gradients(dy, x):
    return [-2.0 * dy]
