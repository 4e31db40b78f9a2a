"""One function under two names, mapped in two places."""

import numpy as np
import tensorflow.compat.v1 as tf


@tf.RegisterGradient("PassFloor")
@tf.RegisterGradient("PassCeil")
def passed(op, grad):
    return 6.0 * grad


def down(x):
    with tf.get_default_graph().gradient_override_map({"Floor": "PassFloor"}):
        return tf.floor(x)


def up(x):
    with tf.get_default_graph().gradient_override_map({"Ceil": "PassCeil"}):
        return tf.ceil(x)


def program(x):
    return down(x) * 2.0 + up(x)


INPUTS = [[0.6, -1.4, 2.2]]


def value(x):
    return 2.0 * np.floor(x) + np.ceil(x)


def gradients(dy, x):
    return [18.0 * dy]
