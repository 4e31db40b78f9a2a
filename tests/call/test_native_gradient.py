"""``op.native_gradient``: what forward itself would have given, in every mode, to any order."""

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from compat_grad.call.explain import words_of
from tests import modes
from tests.call.test_variables import gradients_read_variables
from tests.modes import assert_same_bits

assert gradients_read_variables  # a fixture

X = np.array([0.5, -1.25, 3.0, 2.0], np.float32)
Y = np.array([1.5, 0.25, -2.0, 4.0], np.float32)


def thrice(op, *dys):
    return [None if gradient is None else 3.0 * gradient for gradient in op.native_gradient(*dys)]


def times(factor, gradients):
    return [None if gradient is None else factor * gradient for gradient in gradients]


FORWARDS = {
    "one tensor": (lambda x: x * x * x, [X]),
    "two tensors": (lambda x, y: x * x * y, [X, Y]),
    "two outputs": (lambda x, y: (x * y, x * x), [X, Y]),
    "an output without gradient": (lambda x: (x * x, tf.cast(x, tf.int32)), [X]),
    "gathered": (lambda x: tf.gather(x * x, [2, 0, 2]), [X]),
}


@pytest.mark.parametrize("case", FORWARDS)
def test_thrice_the_native_gradient(mode, case):
    forward, arrays = FORWARDS[case]
    outputs, gradients, second = mode.first_and_second(forward, *arrays)
    found = mode.first_and_second(override_gradient(forward, thrice), *arrays)
    assert_same_bits(found, [outputs, times(3.0, gradients), times(3.0, second)])


@pytest.mark.parametrize("strategy", ["gradient_override_map", "custom_gradient"])
def test_under_other_strategies(mode, strategy):
    if not hasattr(tf, "custom_gradient"):
        pytest.skip("TensorFlow has tf.custom_gradient from 1.7 on")
    if mode is modes.EAGER and not modes.HAS_FUNCTIONS:
        pytest.skip("TensorFlow has tf.function from 1.14 on")
    f = override_gradient(lambda x, y: x * x * y, thrice, strategy=strategy)
    gradients = mode.run(lambda differentiate, x, y: differentiate(f, [x, y])[1], X, Y)
    assert_same_bits(gradients, [6.0 * X * Y, 3.0 * X * X])


def test_each_argument_has_a_gradient_of_its_own_be_they_one_tensor(mode):
    def backward(op, dy):
        a, b = op.native_gradient(dy)
        return 10.0 * a, 100.0 * b

    f = override_gradient(lambda a, b: a * a * b, backward)
    (gradient,) = mode.run(lambda differentiate, x: differentiate(lambda x: f(x, x), [x])[1], X)
    assert_same_bits(gradient, 20.0 * X * X + 100.0 * X * X)


def test_one_for_each_leaf(mode):
    found = []

    def backward(op, dy):
        gradients = op.native_gradient(dy)
        found.append([gradient is None for gradient in gradients])
        return times(3.0, gradients)

    def call(x, y):
        return f([x, "plain"], {"y": y, "unused": x})

    f = override_gradient(lambda pair, named: pair[0] * pair[0] * named["y"], backward)
    gradients = mode.run(lambda differentiate, x, y: differentiate(call, [x, y])[1], X, Y)
    assert_same_bits(gradients, [6.0 * X * Y, 3.0 * X * X])
    assert found and all(one == [False, True, True, False] for one in found)  # nest takes dicts by their keys


def test_with_captured_variables_the_pair_that_backward_returns(mode, gradients_read_variables):
    def backward(op, dy, variables):
        of_inputs, of_variables = op.native_gradient(dy)
        return times(3.0, of_inputs), times(5.0, of_variables)

    def program(differentiate, w, x):
        f = override_gradient(lambda x: x * x * w, backward)
        return differentiate(lambda x, w: f(x), [x, w])[1]

    gradients = mode.run(program, X, variables=[2.0])
    assert_same_bits(gradients, [3.0 * 4.0 * X, np.float32(5.0 * np.sum(X * X))])


def test_of_a_ragged_tensor_it_is_a_ragged_tensor(functions):
    if not hasattr(tf, "ragged"):
        pytest.skip("TensorFlow has ragged tensors from 1.13 on")

    def backward(op, dy):
        (gradient,) = op.native_gradient(dy)
        return gradient.with_values(3.0 * gradient.values)

    def square(x):
        return f(tf.RaggedTensor.from_row_lengths(x, [3, 1])).values

    f = override_gradient(lambda ragged: ragged.with_values(ragged.values * ragged.values), backward)
    for differentiate in (modes.by_tape, modes.by_tape_outside):
        (gradient,) = differentiate(square, [tf.constant(X)])[1]
        assert_same_bits(gradient.numpy(), 6.0 * X)


def test_a_method(mode):
    class Scale:
        factor = 2.0

        @override_gradient(backward=thrice)
        def call(self, x):
            return self.factor * x * x

    (gradient,) = mode.run(lambda differentiate, x: differentiate(Scale().call, [x])[1], X)
    assert_same_bits(gradient, 12.0 * X)


def test_an_override_within_forward_holds(mode):
    inner = override_gradient(lambda x: x * x, lambda op, dy: 100.0 * dy)
    f = override_gradient(lambda x: inner(x) * 2.0, thrice)
    (gradient,) = mode.run(lambda differentiate, x: differentiate(f, [x])[1], X)
    assert_same_bits(gradient, np.full_like(X, 600.0))


@pytest.mark.parametrize("loop", ["cond", "while_loop"])
def test_inside_a_branch_or_a_loop(functions, loop):
    f = override_gradient(lambda x: x * x, thrice)

    @tf.function
    def step(x):
        def body(x):
            if loop == "cond":
                return tf.cond(tf.reduce_sum(x) > 0.0, lambda: f(x), lambda: x)
            return tf.while_loop(lambda i, x: i < 2, lambda i, x: (i + 1, f(x)), [0, x])[1]

        return modes.by_tape(body, [x])[1][0]

    expected = 6.0 * X if loop == "cond" else 6.0 * X * X * 6.0 * X
    assert_same_bits(step(tf.constant(X)).numpy(), expected.astype(np.float32))


@pytest.mark.skipif(not hasattr(tf, "autodiff"), reason="TensorFlow has forward mode from 2.1 on")
@pytest.mark.parametrize("traced", [False, True])
def test_in_forward_mode(functions, traced):
    f = override_gradient(lambda x: x * x * x, thrice)

    def tangent(x):
        with tf.autodiff.ForwardAccumulator(x, tf.constant(Y)) as accumulator:
            y = f(x)
        return accumulator.jvp(y)

    for _ in range(2):
        call = tf.function(tangent) if traced else tangent
        assert_same_bits(call(tf.constant(X)).numpy(), 9.0 * X * X * Y)


def squared_where_positive(x):
    if tf.reduce_sum(x) > 0.0:
        y = x * x
    else:
        y = x
    return y


@pytest.mark.skipif(not hasattr(tf, "autodiff"), reason="TensorFlow has forward mode from 2.1 on")
def test_in_eager_forward_mode_of_python_control_flow(functions):
    f = override_gradient(squared_where_positive, thrice)
    x = tf.constant(X)
    for _ in range(2):
        with tf.autodiff.ForwardAccumulator(x, tf.constant(Y)) as accumulator:
            y = f(x)
        assert_same_bits(accumulator.jvp(y).numpy(), 6.0 * X * Y)


@modes.NEEDS_AUTOGRAPH
def test_autograph_reaches_forward_again(functions):
    f = override_gradient(squared_where_positive, thrice)
    step = tf.function(lambda x: modes.by_tape(lambda x: f(x), [x])[1][0])
    assert_same_bits(step(tf.constant(X)).numpy(), 6.0 * X)


def test_without_an_output_gradient_there_is_none(mode):
    def backward(op, dy):
        assert op.native_gradient(None) == [None, None]
        return 10.0 * dy, None

    f = override_gradient(lambda x, y: x * x * y, backward)
    gradients = mode.run(lambda differentiate, x, y: differentiate(f, [x, y])[1], X, Y)
    assert_same_bits(gradients, [np.full_like(X, 10.0), None])


def test_it_is_slices_where_backward_takes_them(mode):
    seen = []

    def backward(op, dy):
        (gradient,) = op.native_gradient(dy)
        seen.append(type(gradient))
        return tf.IndexedSlices(10.0 * gradient.values, gradient.indices, gradient.dense_shape)

    backward.accepts_indexed_slices = True
    f = override_gradient(lambda x: tf.gather(x, [2, 0, 2]), backward)
    (gradient,) = mode.run(lambda differentiate, x: differentiate(f, [x])[1], X)
    assert_same_bits(gradient, np.float32([10, 0, 20, 0]))
    assert set(seen) == {tf.IndexedSlices}


def test_too_few_output_grads(mode):
    f = override_gradient(lambda x: (x, x * x), lambda op, a, b: op.native_gradient(a), name="my_rule")
    with pytest.raises(ValueError) as caught:
        mode.run(lambda differentiate, x: differentiate(f, [x])[1], X)
    for word in ("'my_rule'", "op.native_gradient", "2 outputs", "given 1"):
        assert word in str(caught.value)


#: name: what backward hands to op.native_gradient
NO_GRADIENTS = {
    "another shape": lambda dy: dy[0],
    "a number": lambda dy: 1.0,
    "a list": lambda dy: [dy, dy],
    "another dtype": lambda dy: tf.cast(dy, tf.float64),
    "no tensor": lambda dy: object(),
}


@pytest.mark.parametrize("case", NO_GRADIENTS)
def test_what_is_no_gradient_of_the_output_is_refused(mode, case):
    """TensorFlow's tapes broadcast it, or take the parts of a list for the gradients of other outputs."""
    wrong = NO_GRADIENTS[case]
    f = override_gradient(lambda x: x * x, lambda op, dy: op.native_gradient(wrong(dy)), name="my_rule")
    with pytest.raises(ValueError) as caught:
        mode.run(lambda differentiate, x: differentiate(f, [x])[1], X)
    for word in ("'my_rule'", "op.native_gradient was given", "output 0", "float32"):
        assert word in str(caught.value)


@pytest.mark.parametrize("width, fits", [(3, True), (2, False)])
def test_slices_are_a_gradient_where_they_fit_the_output(mode, width, fits):
    def backward(op, dy):
        return op.native_gradient(tf.IndexedSlices(dy[:1, :width], tf.constant([1]), tf.shape(op.outputs[0])))

    f = override_gradient(lambda x: x * x, backward)
    x = np.float32([[0.5, 1.0, 2.0], [4.0, 3.0, -2.0]])

    def program(differentiate, x):
        return differentiate(f, [x], [2.0])[1]

    if not fits:
        with pytest.raises(ValueError, match="op.native_gradient was given"):
            mode.run(program, x)
        return
    assert_same_bits(mode.run(program, x), [np.float32([[0, 0, 0], [16, 12, -8]])])


def test_what_is_no_gradient_of_a_ragged_output_is_refused(functions):
    if not hasattr(tf, "ragged"):
        pytest.skip("TensorFlow has ragged tensors from 1.13 on")

    def forward(x):
        return tf.RaggedTensor.from_row_lengths(x, [3, 1])

    f = override_gradient(forward, lambda op, dy: op.native_gradient([dy, dy]), name="my_rule")
    for differentiate in (modes.by_tape, modes.by_tape_outside):
        with pytest.raises(ValueError, match="'my_rule': op.native_gradient was given"):
            differentiate(lambda x: f(x).values, [tf.constant(X)])


# --- the gradient of op.outputs, which is backward's own ----------------------------------------------------------


def by_outputs(op, dy):
    return modes.v1.gradients(op.outputs, list(op.inputs), [dy])


@pytest.mark.parametrize("strategy", ["auto", "gradient_override_map", "custom_gradient"])
def test_a_backward_that_asks_for_its_own_gradient_is_told_of_the_native_one(mode, strategy):
    if strategy == "custom_gradient" and not hasattr(tf, "custom_gradient"):
        pytest.skip("TensorFlow has tf.custom_gradient from 1.7 on")
    if strategy == "gradient_override_map" and mode is modes.EAGER and not modes.HAS_FUNCTIONS:
        pytest.skip("TensorFlow has tf.function from 1.14 on")
    f = override_gradient(lambda x: x * x, by_outputs, name="my_rule", strategy=strategy)
    with pytest.raises(RuntimeError) as caught:  # in eager mode it is TensorFlow that refuses tf.gradients
        mode.run(lambda differentiate, x: differentiate(f, [x])[1], X)
    refused = mode is modes.EAGER and strategy != "gradient_override_map"
    assert caught.type is (RuntimeError if refused else RecursionError)
    assert "'my_rule'" in words_of(caught.value)
    assert "op.native_gradient(*output_grads)" in words_of(caught.value)
    assert words_of(caught.value).count("override_gradient") == 1
