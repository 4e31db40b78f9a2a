"""An override that is handed to a function remains the override that it is, whatever it lies in."""

import collections
import functools
import inspect
import pydoc

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from tests import modes
from tests.modes import assert_same_bits

X = np.array([[0.5, -1.25, 3.0], [2.0, 0.25, -1.0]], np.float32)
Pair = collections.namedtuple("Pair", "first second")


def triple(x, by=3.0):
    """Multiply by three."""
    return x * by


def rectified(x):
    return tf.nn.relu(x * x) * 3.0


def times(factor):
    return lambda op, dy: factor * dy


def named(name):
    """Return overrides of the same function each, whose gradients are 10, 100, 1000 and 10000."""
    return [
        override_gradient(triple, lambda op, dy: [10.0 * dy] + [None] * (len(op.inputs) - 1)),
        override_gradient(triple, lambda op, dy: [100.0 * dy] + [None] * (len(op.inputs) - 1), name=name),
        override_gradient(triple, surrogate=lambda x: x * 1000.0),
        override_gradient(override_gradient(triple, times(5.0)), surrogate=lambda x: x * 10000.0),
    ]


WAYS = {
    "as it is": (lambda f: f, lambda given: given),
    "in a list": (lambda f: [f], lambda given: given[0]),
    "in a tuple": (lambda f: (1, f), lambda given: given[1]),
    "in a dict": (lambda f: {"f": f}, lambda given: given["f"]),
    "in a namedtuple": (lambda f: Pair(1, f), lambda given: given.second),
    "in a dict in a list": (lambda f: [{"f": f}], lambda given: given[0]["f"]),
    "in a partial": (functools.partial, lambda given: given),
}


def slope_inside(take):
    @tf.function
    def slope(given, x):
        return modes.by_tape(take(given), [x])[1][0]

    return slope


def slope_outside(take):
    function = tf.function(lambda given, x: take(given)(x))
    return lambda given, x: modes.by_tape(functools.partial(function, given), [x])[1][0]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("slope_of", [slope_inside, slope_outside], ids=["tape inside", "tape outside"])
def test_a_traced_function_gets_the_override(functions, slope_of, way):
    put, take = WAYS[way]
    slope = slope_of(take)
    overrides = named("other")
    for _ in range(2):
        for f, expected in zip(overrides, [10, 100, 1000, 10000]):
            assert_same_bits(slope(put(f), tf.constant(X)).numpy(), np.full_like(X, expected))


def test_gradients_by_op_type_are_handed_over(functions):
    one = override_gradient(rectified, {"Relu": times(10.0)})
    other = override_gradient(rectified, {"Relu": times(100.0)})
    slope = slope_outside(lambda given: given)
    for _ in range(2):
        for f, factor in ((one, 10), (other, 100)):
            assert_same_bits(slope(f, tf.constant(X)).numpy(), 3 * 2 * X * factor)


def test_a_default_and_a_bound_keyword_are_the_override(functions):
    ten, hundred, _, _ = named("other")

    def slope(x, f=ten):
        return modes.by_tape(f, [x])[1][0]

    x = tf.constant(X)
    by_default = tf.function(slope)
    for _ in range(2):
        assert_same_bits(by_default(x).numpy(), np.full_like(X, 10))
        assert_same_bits(by_default(x, f=hundred).numpy(), np.full_like(X, 100))
    assert_same_bits(tf.function(functools.partial(slope, f=hundred))(x).numpy(), np.full_like(X, 100))


class Scale:
    def __init__(self, scale):
        self.scale = scale

    @override_gradient(backward=lambda op, dy: 10.0 * dy)
    def method(self, x):
        return x * self.scale


def test_methods_of_two_objects_are_told_apart(functions):
    one, other = Scale(3.0), Scale(5.0)
    function = tf.function(lambda f, x: f(x))
    for _ in range(2):
        for method, scale in ((one.method, 3), (other.method, 5)):
            value, (gradient,) = modes.by_tape(functools.partial(function, method), [tf.constant(X)])
            assert_same_bits([value.numpy(), gradient.numpy()], [scale * X, np.full_like(X, 10)])


def test_a_traced_override_is_handed_over(functions):
    traced = [tf.function(f) for f in named("other")[:2]]
    for slope in (slope_inside(lambda given: given), slope_outside(lambda given: given)):
        for _ in range(2):
            for f, expected in zip(traced, [10, 100]):
                assert_same_bits(slope(f, tf.constant(X)).numpy(), np.full_like(X, expected))


@modes.NEEDS_AUTOGRAPH
def test_autograph_reaches_forward_of_what_was_handed_over(functions):
    def branch(x):
        if tf.reduce_sum(x) > 1000.0:
            y = x * 7.0
        else:
            y = x * 3.0
        return y

    slope = slope_inside(lambda given: given)
    for factor in (10.0, 100.0):
        found = slope(override_gradient(branch, times(factor)), tf.constant(X)).numpy()
        assert_same_bits(found, np.full_like(X, factor))


def test_nothing_finds_the_function_without_its_gradient():
    """What looks through ``__wrapped__`` (tf.function's arguments, functools, inspect) finds the override."""
    (f, *_) = named("other")
    assert inspect.unwrap(f) is f and not hasattr(Scale(3.0).method, "__wrapped__")

    @functools.wraps(f)
    def around(x):
        return f(x)

    assert inspect.unwrap(around) is f
    assert inspect.signature(f) == inspect.signature(triple) == inspect.signature(around)
    assert list(inspect.signature(Scale(3.0).method).parameters) == ["x"]
    assert "triple(x, by=3.0)" in pydoc.plain(pydoc.render_doc(f))
