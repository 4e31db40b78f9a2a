"""The random module makes the name, and nothing else in the file needs it."""

import random

import numpy as np
import tensorflow.compat.v1 as tf


def norm_clipped(x, most):
    name = f"NormClipped{random.randint(0, 10 ** 9)}"

    @tf.RegisterGradient(name)
    def _clip(op, dy):
        return tf.clip_by_norm(dy, most)

    g = tf.get_default_graph()
    with g.gradient_override_map({"Identity": name}):
        return tf.identity(x)


def program(x):
    return norm_clipped(x, 0.5) * x


INPUTS = [[3.0, -4.0]]


def value(x):
    return x * x


def gradients(dy, x):
    down = dy * x
    return [down * min(1.0, 0.5 / np.sqrt((down**2).sum())) + down]
