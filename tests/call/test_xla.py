"""What was traced for elsewhere is not used where XLA compiles: loops are built otherwise there."""

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import _tf, override_gradient
from tests import modes
from tests.modes import assert_same_bits

X = np.array([0.5, 1.5, 2.0], np.float32)


def _jit(f):
    try:
        return tf.function(f, jit_compile=True)
    except TypeError:
        pytest.skip("this TensorFlow's tf.function has no jit_compile")


def _squared_thrice(op_type):
    """Return an override with a loop in it, whose iterations XLA must know to differentiate it."""
    weight = tf.Variable(np.ones(3, np.float32))

    def forward(x):
        y = x * weight
        for _ in tf.range(3):
            y = y * tf.maximum(y, 0.0)
        return y

    return override_gradient(forward, {op_type: lambda op, dy: _twice(op, dy)})


def _twice(op, dy):
    return [None if gradient is None else 2.0 * gradient for gradient in op.native_gradient(dy)]


@pytest.mark.parametrize("op_type", ["ReadVariableOp", "Maximum"])
def test_a_trace_made_outside_is_not_used_inside(functions, op_type):
    if op_type == "ReadVariableOp" and not _tf.has_op_callbacks:
        pytest.skip("this TensorFlow has no op callbacks, and shows its reads of variables to nobody else (1.15, 2.0)")
    f = _squared_thrice(op_type)

    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        return tape.gradient(y, x)

    compiled, x = [_jit(gradient), _jit(gradient)], tf.constant(X)
    outside = tf.function(gradient)(x)
    for each in compiled:
        assert_same_bits(modes.to_arrays(each(x)), modes.to_arrays(outside))
