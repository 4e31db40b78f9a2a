"""Captured variables are found in every call alike: behind what is traced already, whoever listens, beside tapes."""

import inspect

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from tests import modes
from tests.call.test_variables import X, first_and_second, refused, variable
from tests.modes import assert_same_bits

NEEDS_FUNCTIONS = pytest.mark.skipif(not modes.HAS_FUNCTIONS, reason="TensorFlow has tf.function from 1.14 on")


# --- behind what is traced already -----------------------------------------------------------------------------


def a_function(directory):
    w = variable(3.0, "kernel")
    return tf.function(lambda x: x * w), w


def a_function_in_a_function(directory):
    inner, w = a_function(directory)
    return tf.function(lambda x: inner(x) * 1.0), w


def a_concrete_function(directory):
    function, w = a_function(directory)
    concrete = function.get_concrete_function(tf.TensorSpec(X.shape, tf.float32))
    return lambda x: modes.flat(concrete(x))[0], w


def a_loaded_model(directory):
    module = tf.Module()
    module.w = variable(3.0, "kernel")
    module.scale = tf.function(lambda x: x * module.w, input_signature=[tf.TensorSpec(X.shape, tf.float32)])
    tf.saved_model.save(module, directory)
    load = tf.compat.v2.saved_model.load if hasattr(tf.compat, "v2") else tf.saved_model.load
    loaded = load(directory)
    return loaded.scale, loaded.w


class Scale(tf.keras.layers.Layer if hasattr(tf, "keras") else object):
    def build(self, shape):
        three = tf.keras.initializers.Constant(3.0)
        self.kernel = self.add_weight(name="kernel", shape=(), initializer=three)
        self.built = True

    def call(self, x):
        return x * self.kernel


def a_traced_layer(directory):
    layer = Scale()
    traced = tf.function(lambda x: layer(x))
    traced(tf.constant(X))
    (w,) = layer.trainable_weights
    return traced, w if isinstance(w, tf.Variable) else w.value


TRACED = [a_function, a_function_in_a_function, a_concrete_function, a_loaded_model, a_traced_layer]


@pytest.fixture(params=TRACED, ids=lambda make: make.__name__)
def traced(request, mode, tmp_path):
    """(what is traced already and multiplies by a variable, the variable)"""
    if not modes.HAS_FUNCTIONS:
        pytest.skip("TensorFlow has tf.function from 1.14 on")
    if mode.is_graph and request.param not in (a_function, a_function_in_a_function):
        pytest.skip("is made in eager mode")
    return request.param(str(tmp_path))


def test_variables_behind_what_is_traced_are_found_in_every_call(mode, traced):
    inner, w = traced

    def backward(op, dy, variables):
        assert len(variables) == 1 and variables[0] is w
        return 10.0 * dy * op.variables[0], [100.0 * tf.reduce_sum(dy * op.inputs[0])]

    f = override_gradient(inner, backward)
    for _ in range(2):
        outputs, gradients, second = first_and_second(mode, f, [w])
        assert_same_bits([outputs, gradients], [[3 * X], [np.float32(200 * X.sum()), np.full_like(X, 60)]])
        if mode.lacks_second is None:
            assert_same_bits(second, [np.float32(3 * 20 * X.size), np.full_like(X, 2 * 200)])


def test_a_variable_behind_what_is_traced_is_refused_in_every_call(mode, traced):
    inner, w = traced
    f = override_gradient(inner, lambda op, dy: dy)
    for _ in range(2):
        assert "kernel" in refused(mode, f)


@NEEDS_FUNCTIONS
def test_a_variable_is_refused_with_or_without_a_tape(eager):
    w = variable(3.0, "kernel")
    inner = tf.function(lambda x: x * w)
    inner(tf.constant(X))
    for _ in range(2):
        with pytest.raises(ValueError, match="kernel"):
            override_gradient(inner, lambda op, dy: dy)(tf.constant(X))


# --- who else listens ------------------------------------------------------------------------------------------


@pytest.fixture
def recompute_grad(functions):
    if not hasattr(tf, "recompute_grad"):
        pytest.skip("this TensorFlow has no tf.recompute_grad")
    return tf.recompute_grad


def slopes(f, x, w):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    return modes.to_arrays([y] + tape.gradient(y, [x, w]))


@pytest.mark.parametrize("traced", [False, True], ids=["python", "traced"])
def test_recompute_grad_sees_the_variables_of_a_surrogate_in_every_call(recompute_grad, traced):
    w, x = variable(3.0, "kernel"), tf.constant([0.5, 2.0])
    surrogate = tf.function(lambda x: x * w) if traced else (lambda x: x * w)
    f = override_gradient(tf.sign, surrogate=surrogate)
    recomputed = recompute_grad(lambda x: f(x))
    for _ in range(3):
        assert_same_bits(slopes(recomputed, x, w), [np.float32([1, 1]), np.float32([3, 3]), np.float32(2.5)])


@pytest.mark.parametrize("traced", [False, True], ids=["python", "traced"])
def test_recompute_grad_sees_the_captured_variables_in_every_call(recompute_grad, traced):
    w, x = variable(3.0, "kernel"), tf.constant([0.5, 2.0])
    forward = tf.function(lambda x: x * w) if traced else (lambda x: x * w)
    f = override_gradient(forward, lambda op, dy, variables: (10.0 * dy, [100.0 * tf.reduce_sum(dy)]))
    recomputed = recompute_grad(lambda x: f(x))
    for _ in range(3):
        assert_same_bits(slopes(recomputed, x, w), [np.float32([1.5, 6]), np.float32([10, 10]), np.float32(200)])


def test_an_outer_override_sees_the_variables_of_an_inner_surrogate_in_every_call(mode):
    w, v, counts = variable(3.0, "kernel"), variable(5.0, "scale"), []
    inner = override_gradient(tf.sign, surrogate=lambda x: x * w)

    def backward(op, dy, variables):
        counts.append(len(variables))
        return 10.0 * dy, [tf.reduce_sum(dy)] * len(variables)

    outer = override_gradient(lambda x: inner(x) * v, backward)
    for _ in range(3):
        if mode is modes.EAGER:
            outer(tf.constant(X))  # no tape listens
        first_and_second(mode, outer, [w, v])
    assert set(counts) == {2}


def test_a_call_without_a_tape_returns_tensors_of_its_own(eager):
    f, x = override_gradient(lambda x: x, lambda op, dy: 10.0 * dy), tf.constant(X)
    for _ in range(2):
        assert f(x) is not x


def test_a_call_without_a_tape_runs_no_surrogate_once_a_call_of_its_shape_is_checked(eager):
    w, counts = variable(3.0, "kernel"), []
    f = override_gradient(lambda x: tf.sign(x) * w, surrogate=lambda x: counts.append(x) or x * w)
    for _ in range(3):
        assert_same_bits(modes.to_arrays(f(tf.constant(X))), 3 * np.sign(X))
    assert len(counts) == 1
    _, gradients, _ = first_and_second(modes.EAGER, f, [w])
    assert_same_bits(gradients, [np.float32(2 * X.sum()), np.full_like(X, 6)])


def test_a_call_without_a_tape_leaves_the_structures_of_its_arguments_alone(eager):
    def forward(x, seen):
        seen.append(x)
        return 2.0 * seen[0]

    f, mine = override_gradient(forward, lambda op, dy: 10.0 * dy), []
    for _ in range(2):
        assert_same_bits(modes.to_arrays(f(tf.constant(X), mine)), 2 * X)
        assert mine == []


# --- tapes in forward ------------------------------------------------------------------------------------------


def slope_of_cube(x):
    with modes._gradient_tape()() as tape:
        tape.watch(x)
        y = x * x * x
    return tape.gradient(y, [x])[0]


@NEEDS_FUNCTIONS
def test_a_function_with_a_tape_of_its_own_that_forward_traces_first_is_right_for_all(mode):
    w, slope = variable(2.0, "kernel"), tf.function(slope_of_cube)
    f = override_gradient(lambda x: slope(x) * w, lambda op, dy, variables: (10.0 * dy, [100.0 * tf.reduce_sum(dy)]))
    for _ in range(2):
        outputs, gradients, _ = first_and_second(mode, f, [w])
        assert_same_bits([outputs, gradients], [[6 * X * X], [np.float32(1200), np.full_like(X, 20)]])
        (alone,) = mode.run(lambda differentiate, x: [slope(x)], X)
        assert_same_bits(alone, 3 * X * X)


def test_forward_may_open_a_tape_beside_captured_variables(mode):
    if mode.is_graph:
        pytest.skip("tapes are for eager mode and functions")
    w = variable(2.0, "kernel")
    f = override_gradient(
        lambda x: slope_of_cube(x) * w, lambda op, dy, variables: (10.0 * dy, [100.0 * tf.reduce_sum(dy)])
    )
    for _ in range(2):
        outputs, gradients, _ = first_and_second(mode, f, [w])
        assert_same_bits([outputs, gradients], [[6 * X * X], [np.float32(1200), np.full_like(X, 20)]])


def test_a_tape_that_forward_opened_may_be_used_in_backward(eager):
    if "output_gradients" not in inspect.signature(modes._gradient_tape().gradient).parameters:
        pytest.skip("a tape of this TensorFlow takes no output gradients (1.6)")
    w, tapes = variable(2.0, "kernel"), []

    def forward(x):
        with modes._gradient_tape()() as tape:
            tape.watch(x)
            y = x * x * w
        tapes.append((tape, x, y))
        return y

    def backward(op, dy, variables):
        tape, x, y = tapes.pop()
        dx, dw = tape.gradient(y, [x] + variables, [dy])
        return 10.0 * dx, [100.0 * dw]

    f = override_gradient(forward, backward)
    for _ in range(2):
        found = modes.EAGER.run(lambda differentiate, x: differentiate(lambda w_, x: f(x), [w, x])[1], X)
        assert_same_bits(found, [np.float32(100) * np.sum(X * X), 40 * X])
