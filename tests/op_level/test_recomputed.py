"""Op-level overrides of a forward that calls other overrides, whose backward recomputes what forward did."""

import gc
import threading
import weakref

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import _tf, override_gradient
from compat_grad.testing.differentiate import by_gradients, by_tape
from tests import modes
from tests.modes import assert_same_bits

X = np.array([[0.5, -1.25, 3.0], [1.5, 2.0, -7.5]], np.float32)
NATIVE = 2 * (X > 0).astype(np.float32)
TEN = np.full_like(X, 2 * 10)


def ten(op, dy):
    return 10.0 * dy


def first(mode, f):
    def program(differentiate, x):
        return list(differentiate(f, [x], [2.0])[1])

    return mode.run(program, X)


def gradient_of(function, x, dy):
    """Return the gradient of function at x, in whatever mode is at hand."""
    differentiate = by_gradients if _tf.current_mode() is _tf.GRAPH else by_tape
    return list(differentiate(function, [tf.identity(x)], [dy])[1])[0]


checkpoint = override_gradient(tf.nn.relu, lambda op, dy: gradient_of(tf.nn.relu, op.inputs[0], dy))
native = override_gradient(lambda x: tf.nn.relu(x), lambda op, dy: op.native_gradient(dy))
twice = override_gradient(lambda x: checkpoint(x) * 1.0, lambda op, dy: op.native_gradient(dy))
formula = override_gradient(lambda x: x * 3.0, lambda op, dy: dy * tf.nn.relu(op.inputs[0]))

FORWARDS = {
    "recomputed": (checkpoint, TEN),
    "native_gradient": (native, TEN),
    "one in another": (twice, TEN),
    "a formula": (lambda x: formula(x) + tf.nn.relu(x), 2 * np.maximum(X, 0) + TEN),
}


@pytest.mark.parametrize("case", FORWARDS)
def test_what_a_backward_recomputes_has_the_gradients_around_it(mode, case):
    forward, expected = FORWARDS[case]
    f = override_gradient(forward, {"Relu": ten})
    for _ in range(2):
        assert_same_bits(first(mode, f), [expected])


SQUARED = {"Relu": lambda op, dy: 10.0 * dy * op.inputs[0] * op.inputs[0]}


def test_the_second_derivative(mode):
    if not mode.is_graph and not (modes.HAS_FUNCTIONS and modes.functions_have_second_derivatives()):
        pytest.skip("this TensorFlow has no second derivatives of functions")
    f = override_gradient(lambda x: checkpoint(x) * 3.0, SQUARED)

    def program(differentiate, x):
        def gradient(x):
            return list(differentiate(f, [x], [1.0])[1])[0]

        return [gradient(x)] + list(differentiate(gradient, [x], [1.0])[1])

    assert_same_bits(mode.run(program, X), [30 * X * X, 60 * X])


def test_the_other_override_itself_is_left_as_it_was_for_others(mode):
    f = override_gradient(lambda x: checkpoint(x) * 1.0, {"Relu": ten})
    for _ in range(2):
        assert_same_bits(first(mode, f), [TEN])
        assert_same_bits(first(mode, checkpoint), [NATIVE])


def test_the_innermost_gradient_of_a_type_holds(mode):
    inner = override_gradient(lambda x: checkpoint(x) * 1.0, {"Relu": lambda op, dy: 7.0 * dy})
    f = override_gradient(lambda x: tf.nn.relu(inner(x)), {"Relu": ten})
    assert_same_bits(first(mode, f), [np.full_like(X, 2 * 7 * 10)])


def test_in_loops_and_branches(mode):
    if mode is modes.EAGER and not modes.HAS_FUNCTIONS:
        pytest.skip("functions had no gradients of loops and branches before tf.function")

    def forward(x):
        once = tf.cond(tf.reduce_sum(x) < 1e6, lambda: checkpoint(x), lambda: x)
        return tf.while_loop(lambda i, y: i < 2, lambda i, y: (i + 1, checkpoint(y)), (0, once))[1]

    f = override_gradient(forward, {"Relu": ten})
    assert_same_bits(first(mode, f), [np.full_like(X, 2 * 1000)])


@pytest.mark.usefixtures("functions")
def test_in_functions_that_forward_calls(mode):
    inside = tf.function(lambda x: checkpoint(x) * 1.0)
    assert_same_bits(first(mode, inside), [NATIVE])  # a trace for all
    f = override_gradient(lambda x: inside(x) * 1.0, {"Relu": ten})
    if not _tf.traces_can_be_private:  # before 2.4 no function has traces for one caller alone
        with pytest.raises(ValueError, match="is inside the function"):
            first(mode, f)
        return
    for _ in range(2):
        assert_same_bits(first(mode, f), [TEN])
    assert_same_bits(first(mode, inside), [NATIVE])


NEEDS_OP_CALLBACKS = pytest.mark.skipif(
    not (modes.HAS_FUNCTIONS and hasattr(tf, "autodiff")),
    reason="TensorFlow has op callbacks from 2.1 on, and is eager",
)


@NEEDS_OP_CALLBACKS
def test_op_by_op_where_outputs_are_made_of_each_other():
    def forward(x):
        features = checkpoint(x)
        return features, checkpoint(features * features)

    f = override_gradient(forward, {"Relu": ten})
    x, y = tf.constant(X), np.maximum(X, 0)
    for _ in range(2):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            features, scores = f(x)
        found = [tape.gradient(scores, features), tape.gradient(scores, x)]
        assert_same_bits(modes.to_arrays(found), [10 * 2 * y, 10 * 10 * 2 * y])


@NEEDS_OP_CALLBACKS
@pytest.mark.parametrize("inner", [checkpoint, native, twice], ids=["recomputed", "native_gradient", "one in another"])
def test_op_by_op_where_forward_cannot_be_traced(inner):
    found = []

    def forward(x):
        assert x.numpy().shape == X.shape
        stranger = threading.Thread(target=lambda: found.append(first(modes.EAGER, inner)))
        stranger.start()
        stranger.join()
        return inner(x) * 3.0

    f = override_gradient(forward, {"Relu": ten})
    for _ in range(2):
        assert_same_bits(first(modes.EAGER, f), [np.full_like(X, 2 * 3 * 10)])
        assert_same_bits(found.pop(), [NATIVE])


def test_nothing_is_left_of_those_that_are_gone(mode):
    f = override_gradient(lambda x: checkpoint(x) * 1.0, {"Relu": ten})
    first(mode, f)
    gone = weakref.ref(f)
    del f
    gc.collect()
    assert gone() is None
    assert_same_bits(first(mode, checkpoint), [NATIVE])
