"""The modes of `compat_grad.testing`, as this process has them, and what only our own tests ask of TensorFlow."""

import functools
import gc
import importlib
import inspect
import weakref

import numpy as np
import pytest
import tensorflow as tf

from compat_grad.testing import process
from compat_grad.testing.differentiate import by_gradients, by_tape, by_tape_outside, flat
from compat_grad.testing.mode import (
    ALL,
    EAGER,
    GRADIENTS_INSIDE,
    GRAPH,
    TAPE_INSIDE,
    TAPE_OUTSIDE,
    Mode,
    run_in_function,
    to_arrays,
)
from compat_grad.testing.process import IS_TF2, functions_have_second_derivatives, variable
from tests.behaviour import BEHAVIOUR, v1

__all__ = [
    "BEHAVIOUR",
    "EAGER",
    "GRADIENTS_INSIDE",
    "GRAPH",
    "IS_TF2",
    "Mode",
    "TAPE_INSIDE",
    "TAPE_OUTSIDE",
    "by_gradients",
    "by_tape",
    "by_tape_outside",
    "flat",
    "functions_have_second_derivatives",
    "run_in_function",
    "to_arrays",
    "v1",
    "variable",
]

MODES = [mode for mode in ALL if mode.lacks is None]
HAS_EAGER, HAS_FUNCTIONS, HAS_GRAPHS = process.has_eager(), process.has_functions(), process.has_graphs()


def executing_eagerly():
    """Whether operations execute as they are called (tf.executing_eagerly came with 1.7)."""
    return hasattr(tf.constant(0.0), "numpy")


def graphs_are_eager():
    """Whether operations execute as they are called also inside of a tf.Graph (1.6, 1.7)."""
    with tf.Graph().as_default():
        return executing_eagerly()


def _has_tf_convert():
    # Asked of TensorFlow, not of compat_grad: a seam that failed to find it shall fail tests.
    try:
        return hasattr(importlib.import_module("tensorflow.python.autograph.impl.api"), "tf_convert")
    except ImportError:
        return False


NEEDS_AUTOGRAPH = pytest.mark.skipif(
    not _has_tf_convert(), reason="AutoGraph tells nobody whether it is converting, nor converts on request (1.14)"
)


def _gradient_tape():
    if hasattr(tf, "GradientTape"):
        return tf.GradientTape
    import tensorflow.contrib.eager as tfe

    return tfe.GradientTape


def functions_can_be_vectorized():
    """Whether TensorFlow's parallel-for knows the call of a tf.function (not on 1.14)."""
    pfor = importlib.import_module("tensorflow.python.ops.parallel_for.pfor")
    return "PartitionedCall" in pfor._pfor_converter_registry


@functools.lru_cache(maxsize=None)
def functions_with_a_tape_outside_are_collected():
    """Whether TensorFlow itself lets go of the graph of a tf.function that a tape has seen (not on 1.13 and 1.14)."""
    traced, graphs = getattr(tf, "function", None) or tf.contrib.eager.defun, []

    def f(x):
        graphs.append(weakref.ref(v1.get_default_graph()))
        return x * x

    by_tape(traced(f), [tf.constant(3.0)])
    gc.collect()
    return graphs[0]() is None


@functools.lru_cache(maxsize=None)
def gradients_of_functions_take_variables():
    """Whether TensorFlow's own backward of a traced function may assign a variable (1.15 and 2.0 fail to build it)."""
    counted = variable(0.0)

    @tf.custom_gradient
    def f(x):
        def backward(dy):
            with tf.control_dependencies([counted.assign_add(1.0)]):
                return tf.identity(dy)

        return 1.0 * x, backward

    try:
        by_tape(tf.function(lambda x: f(x)), [tf.constant(1.0)])
    except (tf.errors.InvalidArgumentError, ValueError):
        return False
    return float(counted.numpy()) == 1.0


def get_variable(name, initializer, resource):
    """Make a resource or a reference variable in a plain graph."""
    if "use_resource" in inspect.signature(v1.get_variable).parameters:
        return v1.get_variable(name, initializer=initializer, use_resource=resource)
    if resource:
        pytest.skip("this TensorFlow's get_variable makes reference variables only")
    return v1.get_variable(name, initializer=initializer)


def assert_same_bits(found, expected, what=""):
    """Assert that two nested lists of arrays (or None) are the same to the bit."""
    if isinstance(expected, (list, tuple)):
        assert len(found) == len(expected), "{}: {} items, expected {}".format(what, len(found), len(expected))
        for index, (one, other) in enumerate(zip(found, expected)):
            assert_same_bits(one, other, "{}[{}]".format(what, index))
        return
    if expected is None:
        assert found is None, "{}: {!r}, expected no gradient".format(what, found)
        return
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.dtype == expected.dtype, "{}: dtype {}, expected {}".format(what, found.dtype, expected.dtype)
    assert found.shape == expected.shape, "{}: shape {}, expected {}".format(what, found.shape, expected.shape)
    assert found.tobytes() == expected.tobytes(), "{}:\n{}\nexpected\n{}".format(what, found, expected)
