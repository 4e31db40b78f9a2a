"""Forwards that run in Python: py_func, numpy_function, py_function. They have no gradient of their own, or another."""

import numpy as np

from compat_grad.testing.case import Family, f32
from tests.conformance.families.sizes_and_signs import zeros
from tests.modes import v1 as tf

family = Family("py_func and its kin")
X = f32([0.5, -1.25, 3.0])
ON_THE_HOST = {
    "XLA": "XLA compiles no Python",
    "vectorized_map": "a Python function cannot be mapped over rows",
}


def cube(x):
    return x * x * x


def shaped(y, x):
    y = unshaped(y)
    y.set_shape(x.get_shape())
    return y


def unshaped(y):
    # a list in eager mode of 1.7
    return y[0] if isinstance(y, list) else y


family.case(
    "py_func",
    forward=lambda x: shaped(tf.py_func(cube, [x], tf.float32), x),
    backward=lambda op, dy: 3.0 * op.inputs[0] ** 2 * dy,
    inputs=[X],
    value=cube,
    gradient=lambda x, dy: 3 * x * x * dy,
    true_gradient=True,
    cannot=ON_THE_HOST,
)
family.case(
    "py_func of unknown shape",
    forward=lambda x: unshaped(tf.py_func(cube, [x], tf.float32)),
    backward=lambda op, dy: dy * op.outputs[0],
    inputs=[X],
    value=cube,
    gradient=lambda x, dy: dy * x**3,
    second=lambda x, dy, v: dy * v * x**3,
    cannot=ON_THE_HOST,
)
family.case(
    "numpy_function",
    forward=lambda x: shaped(tf.numpy_function(cube, [x], tf.float32), x),
    backward=lambda op, dy: 3.0 * op.inputs[0] ** 2 * dy,
    inputs=[X],
    value=cube,
    gradient=lambda x, dy: 3 * x * x * dy,
    true_gradient=True,
    cannot=ON_THE_HOST,
)
family.case(
    "py_function",
    forward=lambda x: shaped(tf.py_function(lambda x: x * x, [x], tf.float32), x),
    backward=lambda op, dy: dy * 5.0,
    inputs=[X],
    value=lambda x: x * x,
    gradient=lambda x, dy: 5 * dy,
    second=zeros,
    cannot=ON_THE_HOST,
)
family.case(
    "py_func in the backward pass",
    forward=lambda x: 2.0 * x,
    backward=lambda op, dy: shaped(tf.py_func(lambda x, dy: dy * np.sign(x), [op.inputs[0], dy], tf.float32), dy),
    inputs=[X],
    value=lambda x: 2 * x,
    gradient=lambda x, dy: dy * np.sign(x),
    second="a backward in NumPy is not differentiated",
    cannot=dict(ON_THE_HOST, **{"Jacobian": "a Python function cannot be mapped over rows"}),
    linear=False,
)
