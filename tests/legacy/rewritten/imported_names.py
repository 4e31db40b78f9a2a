"""Names imported one by one."""

import numpy as np
from tensorflow.compat.v1 import sign
from tensorflow.compat.v1 import clip_by_value as clip
from compat_grad import override_gradient


def one_by_one(op, grad):
    return clip(grad, -0.5, 0.5)


def signed(x):
    return override_gradient(sign, one_by_one)(x)


def program(x):
    return 4.0 * signed(x)


INPUTS = [[0.6, -1.4, 2.2]]


def value(x):
    return 4.0 * np.sign(x)


def gradients(dy, x):
    return [np.clip(4.0 * dy, -0.5, 0.5)]
