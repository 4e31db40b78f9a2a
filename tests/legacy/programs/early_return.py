"""Both branches within the block return."""

import numpy as np
import tensorflow.compat.v1 as tf


@tf.RegisterGradient("BranchBack")
def _back(op, grad):
    return 15.0 * grad


def rounded(x, up):
    with tf.get_default_graph().gradient_override_map({"Ceil": "BranchBack", "Floor": "BranchBack"}):
        if up:
            return tf.ceil(x)
        else:
            return tf.floor(x)


def program(x):
    return rounded(x, True) + 2.0 * rounded(x, False)


INPUTS = [[0.3, -1.4, 2.2]]


def value(x):
    return np.ceil(x) + 2.0 * np.floor(x)


def gradients(dy, x):
    return [45.0 * dy]
