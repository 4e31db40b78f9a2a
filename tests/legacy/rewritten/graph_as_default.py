"""The default graph made the default graph once more, and a map within."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def _line(op, grad):
    return grad * 4.0


def ceil_ste(x):
    return override_gradient(tf.ceil, _line)(x)


def program(x):
    return ceil_ste(x) + ceil_ste(-x)


INPUTS = [[0.5, -1.4, 2.1]]


def value(x):
    return np.ceil(x) + np.ceil(-x)


def gradients(dy, x):
    return [np.zeros_like(dy)]
