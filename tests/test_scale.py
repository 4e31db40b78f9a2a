"""What a call costs does not depend on what its graph holds: counted in calls of functions, which nothing disturbs."""

import gc
import sys

import pytest
import tensorflow as tf

from compat_grad import override_gradient
from tests import modes
from tests.modes import v1

MANY = 1000  # ops that the graph holds before the later calls


def _plain(x):
    return 2.0 * tf.nn.relu(x)


def _branch(x):
    return v1.cond(tf.reduce_sum(x) > 0.0, lambda: tf.nn.relu(x), lambda: 2.0 * x)


def _loop(x):
    return v1.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, tf.nn.relu(y)), [tf.constant(0), x])[1]


def _ten(op, dy):
    return 10.0 * dy


@pytest.mark.skipif(modes.graphs_are_eager(), reason="this TensorFlow stays eager inside of a graph (to 1.7)")
@pytest.mark.parametrize("gradient", [_ten, {"Relu": _ten}], ids=["function-level", "op-level"])
@pytest.mark.parametrize("forward", [_plain, _branch, _loop])
def test_a_call_in_a_large_graph_does_what_it_does_in_an_empty_one(forward, gradient):
    f = override_gradient(forward, gradient)
    with tf.Graph().as_default():
        x = v1.placeholder(tf.float32, [3])
        for _ in range(3):  # whatever the first calls only do
            f(x)
        early, y = _count(lambda: f(x)), x
        for _ in range(MANY):
            y = tf.identity(y)
        f(y)
        late = _count(lambda: f(x))
    assert late == early


def _count(call):
    """Return how many functions, of Python and of C, call() calls."""
    counted = [0]

    def count(frame, event, argument):
        counted[0] += event in ("call", "c_call")

    gc.disable()  # what it would finalise is not the call's
    sys.setprofile(count)
    try:
        call()
    finally:
        sys.setprofile(None)
        gc.enable()
    return counted[0]
