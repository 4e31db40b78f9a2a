"""The same gradients, bit for bit, in every mode and under every strategy that can express the override."""

import pickle

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import available_strategies, override_gradient
from tests import modes
from tests.modes import assert_same_bits

X = np.array([[0.5, -1.25, 3.0], [-0.0, 2.0, -7.5]], np.float32)
Y = np.array([[1.5, 0.25, -2.0], [4.0, -0.5, 1.0]], np.float32)


def product(x, y):
    """Multiply, with other operations on the way that the overridden gradient must not show."""
    return tf.abs(x) * y + x - x


def product_gradient(op, dy):
    x, y = op.inputs
    return dy * 10.0 * y * x, dy * 100.0 * op.outputs[0]


def expected_of_product(x, y, dy=np.float32(2.0)):
    """First and second gradients of the override by the chain rule, in NumPy.

    With a = dy*10*y*x and b = dy*100*z, where z is the overridden output, the second gradients are those of
    2*a + 3*b: dz/dx = 10*y*x and dz/dy = 100*z once more.
    """
    f = np.float32
    z = np.abs(x) * y + x - x
    first = [dy * f(10) * y * x, dy * f(100) * z]
    return z, first


@pytest.mark.parametrize("strategy", ["auto", "tape", "gradient_override_map", "custom_gradient"])
def test_every_strategy_gives_the_overridden_gradient_in_every_mode(mode, strategy):
    f = override_gradient(product, product_gradient, strategy=strategy)
    if strategy == "tape" and mode is not modes.EAGER:
        with pytest.raises(ValueError, match="'product'.*strategy 'tape' cannot be had here.*eager mode only"):
            mode.first_and_second(f, X, Y)
        return
    if strategy == "custom_gradient" and not hasattr(tf, "custom_gradient"):
        with pytest.raises(ValueError, match="no tf.custom_gradient"):
            mode.first_and_second(f, X, Y)
        return
    no_second = not (modes.HAS_FUNCTIONS and modes.functions_have_second_derivatives())
    if strategy == "gradient_override_map" and mode is modes.EAGER and no_second:
        # to 1.14 there are no second derivatives through functions
        found = mode.run(lambda differentiate, *xs: list(differentiate(f, xs, [2.0])), X, Y)
        assert_same_bits(found, list(expected_of_product(X, Y)))
        return
    outputs, first, second = mode.first_and_second(f, X, Y)
    value, gradients = expected_of_product(X, Y)
    assert_same_bits(outputs, [value], "outputs")
    assert_same_bits(first, gradients, "gradients")
    assert_same_bits(second, _second(X, Y), "second gradients")


def _second(x, y):
    """The override's second gradients from an independent chain rule (all values here are exact in float32)."""
    z = (np.abs(x) * y + x - x).astype(np.float64)
    x, y = x.astype(np.float64), y.astype(np.float64)
    wx, wy, dy = 2.0, 3.0, 2.0
    dz = wy * dy * 100.0  # what flows into z from b = dy*100*z, on to x and y by the override once more
    return [
        (wx * dy * 10.0 * y + dz * 10.0 * y * x).astype(np.float32),
        (wx * dy * 10.0 * x + dz * 100.0 * z).astype(np.float32),
    ]


def test_available_strategies_names_the_preferred_one_first(mode):
    found = []

    def program(differentiate, x):
        found.append(available_strategies())
        return [x]

    mode.run(program, X)
    preferred = "tape" if mode in (modes.EAGER, modes.TAPE_OUTSIDE) else "gradient_override_map"
    assert found[0][0] == preferred
    assert set(found[0]) | set(found[0].unavailable) == {
        "tape",
        "gradient_override_map",
        "custom_gradient",
        "stop_gradient",
    }
    assert all(reason for reason in found[0].unavailable.values())
    in_eager = ["tape", "custom_gradient", "stop_gradient", "gradient_override_map"]
    in_graphs = ["gradient_override_map", "custom_gradient", "stop_gradient"]
    order = in_eager if preferred == "tape" else in_graphs
    assert list(found[0]) == [name for name in order if name not in found[0].unavailable]
    again = pickle.loads(pickle.dumps(found[0]))
    assert (again, again.unavailable) == (found[0], found[0].unavailable)


@pytest.mark.parametrize("name", ["my rule/x", "<lambda>", "_private", "a\\b", "-", "\u00e4", "x" * 300])
def test_any_name_will_do(mode, name):
    f = override_gradient(lambda x: 2.0 * x, lambda op, dy: 10.0 * dy, name=name)
    _, first = mode.run(lambda differentiate, x: list(differentiate(f, [x])), X)
    assert_same_bits(first, [np.full_like(X, 10)])


def test_a_callers_gradient_override_map_replaces_no_override(mode):
    if not hasattr(tf, "custom_gradient") and mode is modes.EAGER:
        pytest.skip("before 1.7 there is no graph to get at in eager mode")
    name = "test_override_{}".format(abs(hash(mode.name)))
    modes.v1.RegisterGradient(name)(lambda op, *dys: [1000.0 * dy for dy in dys])
    f = override_gradient(tf.abs, lambda op, dy: 10.0 * dy)

    def call(x):
        with modes.v1.get_default_graph().gradient_override_map({"IdentityN": name, "Identity": name}):
            return f(x)

    outputs, first, second = mode.first_and_second(call, X)
    assert_same_bits([outputs, first], [[np.abs(X)], [np.full_like(X, 20)]])


def test_one_tensor_returned_twice_is_two_outputs_with_a_gradient_each(mode):
    """Whatever forward returns becomes new tensors: a tape knows a tensor by its identity."""

    def forward(x):
        y = 2.0 * x
        return y, y

    f = override_gradient(forward, lambda op, dy, dz: dy * 10.0 + dz * 1000.0)
    outputs, first = mode.run(lambda differentiate, x: list(differentiate(f, [x], [2.0, 3.0])), X)
    assert_same_bits(outputs, [2 * X, 2 * X])
    assert_same_bits(first, [np.full_like(X, 2 * 10 + 3 * 1000)])
