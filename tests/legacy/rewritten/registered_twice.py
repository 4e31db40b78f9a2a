"""One function under two names, mapped in two places."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def passed(op, grad):
    return 6.0 * grad


def down(x):
    return override_gradient(tf.floor, passed)(x)


def up(x):
    return override_gradient(tf.ceil, passed)(x)


def program(x):
    return down(x) * 2.0 + up(x)


INPUTS = [[0.6, -1.4, 2.2]]


def value(x):
    return 2.0 * np.floor(x) + np.ceil(x)


def gradients(dy, x):
    return [18.0 * dy]
