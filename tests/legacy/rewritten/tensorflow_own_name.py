"""Nothing is registered: TensorFlow's own gradient of another op is named."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


@override_gradient(backward={"Floor": "Neg"})
def hard_sigmoid_ste_overridden(x):
    return tf.floor(x)


def hard_sigmoid_ste(x):
    return hard_sigmoid_ste_overridden(x)


def program(x):
    return hard_sigmoid_ste(x * 2.0)


INPUTS = [[0.6, -1.4, 2.2]]


def value(x):
    return np.floor(2.0 * x)


def gradients(dy, x):
    return [-2.0 * dy]
