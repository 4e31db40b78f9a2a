"""Surrogates: forward's value to the bit, the surrogate's gradient, in every mode and under every strategy."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from tests import modes
from tests.modes import assert_same_bits

X = np.array([[0.5, -1.25, 3.0], [2.0, -0.5, 8.0]], np.float32)
STRATEGIES = ["auto", "gradient_override_map", "custom_gradient", "stop_gradient"]


def needs(strategy, mode):
    """Skip where the running TensorFlow lacks what a strategy and two derivatives need."""
    if strategy == "custom_gradient" and not hasattr(tf, "custom_gradient"):
        pytest.skip("this TensorFlow has no tf.custom_gradient")
    no_second = not (modes.HAS_FUNCTIONS and modes.functions_have_second_derivatives())
    if strategy == "gradient_override_map" and mode is modes.EAGER and no_second:
        pytest.skip("this TensorFlow has no second derivatives through functions")


def square(x):
    return x * x


def double(x):
    return 2.0 * x


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_add_has_the_gradients_of_the_surrogate(mode, strategy):
    needs(strategy, mode)
    f = override_gradient(double, surrogate=lambda x: x * x * x, strategy=strategy)
    outputs, first, second = mode.first_and_second(f, X)
    assert_same_bits(outputs, [2 * X])
    assert_same_bits(first, [2 * 3 * X * X])
    assert_same_bits(second, [2 * 2 * 6 * X])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_multiply_has_the_relative_gradient_of_the_surrogate(mode, strategy):
    """(f/g) * g', and once more (f/g) * g'': the ratio is a constant in every derivative."""
    needs(strategy, mode)
    x = np.float32([[0.5, -2.0], [4.0, 8.0]])  # powers of two: every quotient is exact
    f = override_gradient(double, surrogate=square, combine="multiply", strategy=strategy)
    outputs, first, second = mode.first_and_second(f, x)
    ratio = 2 * x / (x * x)
    assert_same_bits(outputs, [2 * x])
    assert_same_bits(first, [2 * ratio * 2 * x])
    assert_same_bits(second, [2 * 2 * ratio * 2])


SPECIAL = np.float32([-0.0, 0.0, np.inf, -np.inf, np.nan, 1e-38, 0.1, 3e38])


@pytest.mark.parametrize("combine", ["add", "multiply"])
def test_the_value_is_forwards_to_the_bit_where_the_written_trick_is_not(mode, combine):
    """The trick gives +0 for -0, NaN where the surrogate is infinite, and rounds beside a large surrogate."""
    f = override_gradient(tf.identity, surrogate=lambda x: 1e30 * x + 7.0, combine=combine)
    (outputs,) = mode.run(lambda differentiate, x: [differentiate(f, [x])[0]], SPECIAL)
    assert_same_bits(outputs, SPECIAL)


def test_the_surrogate_gets_the_arguments_and_its_own_variables_their_gradients(mode):
    def call(w, x):
        def surrogate(x, scale=1.0):
            return {"y": w * x * scale, "n": tf.constant(1)}

        def forward(x, scale=1.0):
            return {"y": tf.sign(x), "n": tf.constant(1)}

        return override_gradient(forward, surrogate=surrogate)(x, scale=4.0)["y"]

    outputs, gradients = mode.run(lambda differentiate, w, x: list(differentiate(call, [w, x])), np.float32(3), X)
    assert_same_bits(outputs, np.sign(X))
    assert_same_bits(gradients, [np.float32(4 * X.sum()), np.full_like(X, 12)])


def test_variables_that_forward_captures_are_no_error_with_a_surrogate(mode):
    def program(differentiate, w, x):
        f = override_gradient(lambda x: tf.round(w * x), surrogate=lambda x: w * x)
        outputs, gradients = differentiate(lambda x: f(x), [x])
        return [outputs, gradients]

    outputs, gradients = mode.run(program, X, variables=[np.float32(0.5)])
    assert_same_bits(outputs + np.float32(0), np.round(np.float32(0.5) * X) + np.float32(0))  # old kernels round to +0
    assert_same_bits(gradients, [np.full_like(X, 0.5)])


def test_none_alone_comes_back_from_both_functions(mode):
    f = override_gradient(lambda x: None, surrogate=lambda x: None)
    assert mode.run(lambda differentiate, x: [f(x)], X) == [None]


def test_multiply_of_complex_numbers_is_the_written_trick_without_its_rounding(mode):
    z = np.complex64([1 + 2j, -2 + 0.5j])

    def differentiated(f):
        def real_part(z):
            y = f(z)
            return tf.cast(y, tf.float32) if not hasattr(tf, "real") else tf.real(y)

        return mode.run(lambda differentiate, z: differentiate(real_part, [z])[1], z)[0]

    tied = override_gradient(lambda z: 3.0 * z, surrogate=lambda z: z * z, combine="multiply")
    written = override_gradient(
        lambda z: 3.0 * z, surrogate=lambda z: z * z, combine="multiply", strategy="stop_gradient"
    )
    np.testing.assert_allclose(differentiated(tied), differentiated(written), rtol=1e-6)


def test_without_tensors_in_or_out_there_is_nothing_to_tie(mode):
    def program(differentiate, x):
        assert override_gradient(lambda: None, surrogate=lambda: None)() is None
        return [x]

    mode.run(program, X)


class Declared:
    """A class that says itself how it is taken apart."""

    def __init__(self, part):
        self.part = part

    def __tf_flatten__(self):
        return (), (self.part,)

    @classmethod
    def __tf_unflatten__(cls, metadata, components):
        return cls(*components)


def test_what_both_return_is_alike_in_classes_that_say_how_they_are_taken_apart(mode):
    def program(differentiate, x):
        f = override_gradient(lambda x: Declared(2.0 * x), surrogate=lambda x: Declared(x * x))
        with pytest.raises(ValueError, match=r"returned the structure Declared\(tensor\), the surrogate tensor"):
            override_gradient(lambda x: Declared(x), surrogate=double)(x)
        with pytest.raises(ValueError, match=r"the structure \(tensor,\), the surrogate \(tensor, tensor\)"):
            override_gradient(lambda x: (x,), surrogate=lambda x: (x, x))(x)
        with pytest.raises(ValueError, match=r"the structure deque\(\[tensor\]\), the surrogate \[tensor\]"):
            override_gradient(lambda x: collections.deque([x]), surrogate=lambda x: [x])(x)
        outputs, gradients = differentiate(lambda x: f(x).part, [x])
        return [outputs, *gradients]

    assert_same_bits(mode.run(program, X), [2 * X, 2 * X])
