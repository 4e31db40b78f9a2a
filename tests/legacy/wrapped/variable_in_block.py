"""The block makes the variable that it uses."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import honor_override_maps


@tf.RegisterGradient("MadeInside")
def _back(op, grad):
    return 19.0 * grad


@honor_override_maps
def scaled_sign(x):
    with tf.variable_scope("scaled_sign", reuse=tf.AUTO_REUSE):
        with tf.get_default_graph().gradient_override_map({"Sign": "MadeInside"}):
            scale = tf.get_variable("scale", initializer=tf.constant(3.0))
            y = tf.sign(x) * scale
    return y


def program(x):
    return scaled_sign(x)


INPUTS = [[0.3, -1.4, 2.2]]


def value(x):
    return 3.0 * np.sign(x)


def gradients(dy, x):
    return [57.0 * dy]
