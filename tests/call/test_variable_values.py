"""op.variables: the values of the captured variables that forward used, whatever becomes of the variables meanwhile."""

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from tests import modes
from tests.call.test_variables import KINDS, X, first_and_second, in_session, variable
from tests.modes import assert_same_bits


def assigned_before_the_gradient(f, w, x):
    """Return f(x); in every mode w becomes 100 before what flows into f's gradient is known."""
    y = f(x)
    with tf.control_dependencies([y]):
        assigned = w.assign(100.0)
    with tf.control_dependencies([] if modes.executing_eagerly() else [assigned.op]):
        return y * tf.identity(tf.constant(1.0))


def scaled_by_its_values(w):
    def backward(op, dy, variables):
        (value,) = op.variables
        return 10.0 * dy * value, [100.0 * tf.reduce_sum(dy * op.inputs[0]) * value]

    return override_gradient(lambda x: x * w, backward)


EXPECTED = [np.full_like(X, 60), np.float32(600 * X.sum())]


def test_a_variable_that_is_assigned_before_the_gradient_is_what_it_was(mode):
    w = variable(3.0, "kernel")
    f = scaled_by_its_values(w)
    for _ in range(2):
        if modes.executing_eagerly():
            w.assign(3.0)

        def program(differentiate, x):
            call = lambda x, w_: assigned_before_the_gradient(f, w, x)  # noqa: E731
            return differentiate(call, [x, w], [2.0])[1]

        assert_same_bits(mode.run(program, X), EXPECTED)


@pytest.mark.parametrize("resource", KINDS)
def test_so_it_is_in_a_plain_graph_for_both_kinds_of_variables(graph, resource):
    """A reference variable is assigned in place, under the very tensor that was read from it."""
    w = modes.get_variable("kernel", 3.0, resource)
    x = tf.constant(X)
    y = assigned_before_the_gradient(scaled_by_its_values(w), w, x)
    assert_same_bits(in_session(*modes.v1.gradients(2.0 * y, [x, w])), EXPECTED)


def test_eager_assignments_after_the_tape_change_nothing(eager):
    w = variable(3.0, "kernel")
    f = scaled_by_its_values(w)
    for assign in (lambda: w.assign(100.0), lambda: w.assign_add(97.0)):
        w.assign(3.0)
        x = tf.constant(X)
        with modes._gradient_tape()() as tape:
            tape.watch(x)
            y = 2.0 * f(x)
        assign()
        assert_same_bits(modes.to_arrays(tape.gradient(y, [x, w])), EXPECTED)


def test_second_derivatives_go_through_the_values(mode):
    w = variable(3.0, "kernel")
    outputs, gradients, second = first_and_second(mode, scaled_by_its_values(w), [w])
    assert_same_bits([outputs, gradients], [[3 * X], EXPECTED[::-1]])
    if mode.lacks_second is not None:
        pytest.skip(mode.lacks_second)
    # 2 * 200 sum(x) w + 3 * 20 w n, by w and by x
    assert_same_bits(second, [np.float32(400 * X.sum() + 60 * X.size), np.full_like(X, 400 * 3)])


def test_branches_and_loops_of_a_backward_may_use_the_values(mode):
    w = variable(3.0, "kernel")

    def backward(op, dy, variables):
        (value,) = op.variables
        dx = tf.cond(tf.reduce_sum(dy) > 0.0, lambda: dy * value, lambda: dy)
        dx = tf.while_loop(lambda i, dx: i < 2, lambda i, dx: (i + 1, dx * value), [tf.constant(0), dx])[1]
        return dx, [tf.reduce_sum(dx)]

    f = override_gradient(lambda x: x * w, backward)
    for _ in range(2):
        found = mode.run(lambda differentiate, x: differentiate(lambda x, w_: f(x), [x, w], [2.0])[1], X)
        assert_same_bits(found, [np.full_like(X, 54), np.float32(54 * X.size)])


def test_values_come_in_the_order_of_the_variables(mode):
    w, b = variable(3.0, "kernel"), variable(5.0, "bias")

    def backward(op, dy, variables):
        assert variables[0] is w and variables[1] is b
        return dy * op.variables[0] + 10.0 * dy * op.variables[1], [None, None]

    f = override_gradient(lambda x: b + x * w, backward)
    (found,) = mode.run(lambda differentiate, x: differentiate(f, [x], [1.0])[1], X)
    assert_same_bits(found, np.full_like(X, 53))


def test_there_are_none_where_no_variable_is_captured(mode):
    def backward(op, dy):
        assert op.variables == []
        return 10.0 * dy

    f = override_gradient(lambda x: 3.0 * x, backward)
    (found,) = mode.run(lambda differentiate, x: differentiate(f, [x], [1.0])[1], X)
    assert_same_bits(found, np.full_like(X, 10))


@pytest.mark.parametrize("mode", [mode for mode in modes.MODES if not mode.is_graph], ids=lambda mode: mode.name)
def test_what_a_backward_assigns_is_assigned_in_every_call(mode):
    """Also with the tape around a function, where nothing that is returned depends on it."""
    if mode is modes.TAPE_OUTSIDE and not modes.gradients_of_functions_take_variables():
        pytest.skip("this TensorFlow cannot assign a variable in the gradient of a function (1.15, 2.0)")
    counted = modes.variable(0.0)

    def count(op, dy):
        counted.assign_add(1.0)
        return 10.0 * dy

    f = override_gradient(lambda x: 2.0 * x, count)
    for calls in (1.0, 2.0):
        _, gradients = mode.run(lambda differentiate, x: list(differentiate(f, [x])), X)
        assert_same_bits(gradients, [np.full_like(X, 10)])
        assert counted.numpy() == calls
