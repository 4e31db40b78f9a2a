"""The graph is asked of Keras within the with statement."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def _times_5(op, grad):
    return 5.0 * grad * op.outputs[0]


def sigmoid(x):
    return override_gradient(tf.sigmoid, _times_5)(x)


def program(x):
    return sigmoid(x)


INPUTS = [[0.5, -1.5, 1.0]]


def value(x):
    return 1 / (1 + np.exp(-x))


def gradients(dy, x):
    return [5.0 * dy * value(x)]
