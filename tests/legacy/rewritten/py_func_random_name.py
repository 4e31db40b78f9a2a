"""py_func with a gradient, in the helper that everybody has copied."""

import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


def py_func(func, inp, Tout, stateful=True, name=None, grad=None):
    """Like tf.py_func, with a gradient."""

    # a name of its own for each call, against clashes
    @override_gradient(backward={"PyFunc": grad})
    def py_func_overridden(func, inp, Tout, stateful, name):
        return tf.py_func(func, inp, Tout, stateful=stateful, name=name)

    return py_func_overridden(func, inp, Tout, stateful, name)


def np_square(x):
    return x * x


def _square_grad(op, grad):
    x = op.inputs[0]
    return grad * 20.0 * x


def program(x):
    y = py_func(np_square, [x], [tf.float32], name="square", grad=_square_grad)[0]
    y.set_shape(x.shape)
    return y + x


INPUTS = [[0.5, -1.5, 2.0]]


def value(x):
    return x * x + x


def gradients(dy, x):
    return [20.0 * x * dy + dy]
