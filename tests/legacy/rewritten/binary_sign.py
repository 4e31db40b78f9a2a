"""Binarised activations with a clipped straight-through gradient."""

import numpy as np
import tensorflow as tf
from compat_grad import override_gradient


def _clipped_straight_through(op, grad):
    x = op.inputs[0]
    return grad * tf.cast(tf.abs(x) <= 1.0, x.dtype)


def binarize(x):
    return override_gradient(tf.sign, _clipped_straight_through)(x)


def program(x):
    return binarize(x) * x


INPUTS = [[0.5, -1.5, 1.0, -0.25]]


def value(x):
    return np.sign(x) * x


def gradients(dy, x):
    return [dy * x * (np.abs(x) <= 1.0) + dy * np.sign(x)]
