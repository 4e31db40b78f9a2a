"""py_func whose gradient is another py_func, all defined within a function."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def spiky(x):
    return (x % 1 if x % 1 <= 0.5 else 0.0)


def d_spiky(x):
    return 10.0 if x % 1 <= 0.5 else -10.0


np_spiky = np.vectorize(spiky, otypes=[np.float32])
np_d_spiky = np.vectorize(d_spiky, otypes=[np.float32])


def tf_d_spiky(x, name=None):
    with tf.name_scope(name, "d_spiky", [x]) as name:
        return tf.py_func(np_d_spiky, [x], tf.float32, name=name, stateful=False)


def spiky_grad(op, grad):
    x = op.inputs[0]
    return grad * tf_d_spiky(x)


def py_func(func, inp, Tout, stateful=True, name=None, grad=None):
    @override_gradient(backward={"PyFunc": grad})
    def py_func_overridden(func, inp, Tout, stateful, name):
        return tf.py_func(func, inp, Tout, stateful=stateful, name=name)

    return py_func_overridden(func, inp, Tout, stateful, name)


def tf_spiky(x, name=None):
    with tf.name_scope(name, "spiky", [x]) as name:
        y = py_func(np_spiky, [x], [tf.float32], name=name, grad=spiky_grad)
        return y[0]


def program(x):
    return tf.reshape(tf_spiky(x), [-1]) * 2.0


INPUTS = [[0.2, 0.7, 1.2, 1.7]]


def value(x):
    return 2.0 * np_spiky(x)


def gradients(dy, x):
    return [2.0 * dy * np_d_spiky(x)]
