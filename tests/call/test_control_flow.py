"""Overrides around, inside and beside TensorFlow's control flow, in every mode."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import _tf, override_gradient
from tests import modes
from tests.modes import assert_same_bits

X = np.array([0.5, -1.25, 3.0], np.float32)


@override_gradient(backward=lambda op, dy: dy * 10.0 * op.inputs[0])
def tenfold(x):
    """The value 2x with the gradient 10x."""
    return 2.0 * x


def test_inside_cond_the_branch_that_ran_has_the_overridden_gradient(mode):
    def f(x):
        return tf.cond(tf.reduce_sum(x) > 0.0, lambda: tenfold(x), lambda: x * 3.0)

    outputs, first, second = mode.first_and_second(f, X)
    assert_same_bits([outputs, first], [[2 * X], [np.float32(2) * 10 * X]])
    assert_same_bits(second, [np.full_like(X, 2 * 2 * 10)])


def test_inside_a_while_loop_each_turn_uses_the_override(mode):
    def f(x):
        return tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, tenfold(y)), [tf.constant(0), x])[1]

    outputs, first = mode.run(lambda differentiate, x: list(differentiate(f, [x])), X)
    # y1 = 2x, y2 = 4x, y3 = 8x; each turn multiplies the gradient by ten times its input
    assert_same_bits([outputs, first], [8 * X, [(1000 * 8) * X * X * X]])


def test_a_captured_loop_invariant_gets_no_gradient_and_an_argument_does(mode):
    def f(x, scale):
        def body(i, y):
            return i + 1, override_gradient(lambda a, b: a + b, lambda op, dy: [dy * 2.0, dy * 5.0])(y, scale)

        return tf.while_loop(lambda i, y: i < 2, body, [tf.constant(0), x])[1]

    outputs, first = mode.run(lambda differentiate, x, y: list(differentiate(f, [x, y])), X, 2 * X)
    assert_same_bits([outputs, first], [5 * X, [np.full_like(X, 4), np.full_like(X, 5 * 2 + 5)]])


def test_control_flow_inside_forward_is_hidden_by_the_override(mode):
    def forward(x):
        grown = tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, 2.0 * y), [tf.constant(0), x])[1]
        return tf.cond(tf.reduce_sum(x) > 0.0, lambda: grown, lambda: -grown)

    f = override_gradient(forward, lambda op, dy: dy * op.outputs[0])
    outputs, first, second = mode.first_and_second(f, X)
    assert_same_bits([outputs, first], [[8 * X], [2 * 8 * X]])
    assert_same_bits(second, [np.float32(2) * 2 * 8 * X])


@functools.lru_cache(maxsize=None)
def gradients_of_functions_read_variables():
    """Whether a gradient within a traced function may read what its forward does not (not on 1.15, 2.0)."""
    return not modes.HAS_FUNCTIONS or modes.gradients_of_functions_take_variables()


def backward_that_reads(what):
    """An override with the gradient 100 times a variable, or tensor, that forward knows nothing of."""
    return override_gradient(lambda x: x * 3.0, lambda op, dy: dy * what * 100.0, name="reads")


def in_a_branch(f, x):
    return tf.cond(tf.reduce_sum(x) > 0.0, lambda: f(x), lambda: x * 2.0)


def in_a_loop(f, x):
    return tf.while_loop(lambda i, y: i < 2, lambda i, y: (i + 1, f(y)), [tf.constant(0), x])[1]


@pytest.mark.parametrize("make", [modes.variable, tf.constant], ids=["variable", "tensor"])
def test_a_backward_in_a_branch_may_read_what_is_outside(mode, make):
    if not (mode.is_graph or gradients_of_functions_read_variables()):
        pytest.skip("this TensorFlow's functions cannot read in their gradients what they do not read themselves")
    what = make(5.0)  # in eager mode, before any function
    outputs, first = mode.run(lambda diff, x: list(diff(lambda x: in_a_branch(backward_that_reads(what), x), [x])), X)
    assert_same_bits([outputs, first], [3 * X, [np.full_like(X, 500)]])


@pytest.mark.skipif(not modes.HAS_FUNCTIONS, reason="TensorFlow has tf.function from 1.14 on")
def test_a_backward_in_a_loop_may_read_what_is_outside(functions):
    if not gradients_of_functions_read_variables():
        pytest.skip("this TensorFlow's functions cannot read in their gradients what they do not read themselves")
    kernel = modes.variable(5.0)

    @override_gradient(backward=lambda op, dy, variables: (dy * variables[0] * 100.0, [tf.reduce_sum(dy)]))
    def scaled(x):
        return x * kernel

    @tf.function
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = in_a_loop(scaled, x)
        return tape.gradient(y, [x, kernel])

    assert_same_bits(gradient(tf.constant(X)), [np.full_like(X, 500 * 500), np.float32(3 + 3 * 500)])


def test_overrides_inside_an_override_are_hidden_by_it(mode):
    f = override_gradient(lambda x: tenfold(tenfold(x)), lambda op, dy: dy * 7.0)
    outputs, first = mode.run(lambda differentiate, x: list(differentiate(f, [x])), X)
    assert_same_bits([outputs, first], [4 * X, [np.full_like(X, 7)]])


def test_an_override_used_in_a_backward_is_differentiated_by_its_own(mode):
    f = override_gradient(lambda x: 1.0 * x, lambda op, dy: dy * tenfold(op.inputs[0]))
    outputs, first, second = mode.first_and_second(f, X)
    assert_same_bits([outputs, first], [[X], [2 * 2 * X]])
    assert_same_bits(second, [np.float32(2 * 2 * 10) * X])


def test_map_fn_over_an_override(mode):
    def f(x):
        return tf.map_fn(tenfold, x)

    outputs, first = mode.run(lambda differentiate, x: list(differentiate(f, [x])), X)
    assert_same_bits([outputs, first], [2 * X, [10 * X]])


def test_five_hundred_calls_in_one_graph(mode):
    f = override_gradient(lambda x: 1.0 * x, lambda op, dy: -dy)

    def chain(x):
        for _ in range(501):
            x = f(x)
        return x

    outputs, first = mode.run(lambda differentiate, x: list(differentiate(chain, [x])), X)
    assert_same_bits([outputs, first], [X, [np.full_like(X, -1)]])


def test_a_tape_of_forwards_own_works_under_an_outer_tape(mode):
    """An energy's force as forward: stopping all recording would silence the inner tape too."""
    inner = modes.by_gradients if mode.differentiate is modes.by_gradients else modes.by_tape

    def force(x):
        return inner(lambda y: y * y * y, [x])[1][0]

    f = override_gradient(force, lambda op, dy: dy * op.outputs[0])
    outputs, first = mode.run(lambda differentiate, x: list(differentiate(f, [x])), X)
    assert_same_bits([outputs, first], [3 * X * X, [3 * X * X]])


def test_forward_runs_once_per_call_and_its_random_value_is_the_one_tied(mode):
    calls = []
    random_uniform = getattr(tf, "random_uniform", None) or tf.random.uniform

    def forward(x):
        calls.append(x)
        return x + random_uniform([3])

    f = override_gradient(forward, lambda op, dy: dy * (op.outputs[0] - op.inputs[0]))
    outputs, first = mode.run(lambda differentiate, x: list(differentiate(f, [x])), X)
    assert len(calls) == 1
    assert_same_bits(first, [outputs - X])
    assert not np.array_equal(outputs, X)


def branch(x):
    if tf.reduce_sum(x) > 0.0:
        return 2.0 * x
    return -x


class Callable:
    def __call__(self, x):
        if tf.reduce_sum(x) > 0.0:
            return 2.0 * x
        return -x

    def method(self, x):
        if tf.reduce_sum(x) > 0.0:
            return 2.0 * x
        return -x


#: all sorts of callables with a branch on a tensor
CALLABLES = {
    "function": lambda: branch,
    "object": Callable,
    "method": lambda: Callable().method,
    "partial": lambda: functools.partial(branch),
    "partial of an object": lambda: functools.partial(Callable()),
    "tf.function": lambda: tf.function(branch),
    "override": lambda: override_gradient(branch, lambda op, dy: dy),
}


@modes.NEEDS_AUTOGRAPH
@pytest.mark.parametrize("kind", CALLABLES)
@pytest.mark.parametrize("surrogate", [False, True], ids=["forward", "surrogate"])
def test_autograph_reaches_every_callable(functions, kind, surrogate):
    user = CALLABLES[kind]()
    if surrogate:
        f, expected = override_gradient(tf.identity, surrogate=user), 1.0 if kind == "override" else 2.0
    else:
        f, expected = override_gradient(user, lambda op, dy: dy * 5.0), 5.0
    _, first = modes.by_tape(tf.function(lambda x: f(x)), [tf.constant(X)])
    assert_same_bits(modes.to_arrays(first), [np.full_like(X, expected)])


def made_by_a_call(x):
    f = override_gradient(tf.identity, lambda op, dy: 10.0 * dy)
    return f(x)


def made_by_a_decorator(x):
    decorate = override_gradient(backward=lambda op, dy: 10.0 * dy)
    f = decorate(tf.identity)
    return f(x)


def made_for_an_op_type(x):
    f = override_gradient(tf.nn.relu, {"Relu": lambda op, dy: 10.0 * dy})
    return f(x)


@pytest.mark.parametrize("call", [made_by_a_call, made_by_a_decorator, made_for_an_op_type])
def test_an_override_may_be_made_in_what_autograph_converts(functions, call):
    """AutoGraph of 1.14 forgets the defaults of keyword-only parameters in what it converts."""
    _, first = modes.by_tape(tf.function(call), [tf.constant(X)])
    assert_same_bits(modes.to_arrays(first), [np.full_like(X, 10)])


def test_autograph_leaves_tensorflows_own_functions_as_they_are(functions):
    """tf_convert puts what it made in place of the function behind TensorFlow's decorators, for everybody."""
    before = dict(vars(tf.zeros_like))
    f = override_gradient(tf.zeros_like, lambda op, dy: dy * 5.0)
    tf.function(lambda x: f(x))(tf.constant(X))
    assert vars(tf.zeros_like) == before


@modes.NEEDS_AUTOGRAPH
def test_what_autograph_leaves_alone_is_not_handed_to_it(functions, monkeypatch):
    handed_over = []
    convert = _tf.convert_by_autograph
    monkeypatch.setattr(_tf, "convert_by_autograph", lambda f: handed_over.append(f.func) or convert(f))
    for forward in (tf.tanh, branch):
        tf.function(override_gradient(forward, lambda op, dy: dy * 5.0))(tf.constant(X))
    assert handed_over == [branch]


@modes.NEEDS_AUTOGRAPH
def test_autograph_reaches_forward_and_not_our_code(functions):
    def forward(x):
        if tf.reduce_sum(x) > 0.0:
            for _ in tf.range(3):
                x = x * 2.0
        else:
            x = -x
        return x

    f = override_gradient(forward, lambda op, dy: dy * 5.0)

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        return y, tape.gradient(y, x)

    assert_same_bits(modes.to_arrays(step(tf.constant(X))), [8 * X, np.full_like(X, 5)])
    assert_same_bits(modes.to_arrays(step(tf.constant(-X))), [X, np.full_like(X, 5)])
    assert_same_bits(modes.to_arrays(tf.function(f)(tf.constant(-X))), X)


@pytest.mark.skipif(not modes.HAS_FUNCTIONS, reason="TensorFlow has tf.function from 1.14 on")
def test_a_loop_in_a_function_captures_what_two_outputs_are_made_of():
    f = override_gradient(lambda x: (3.0 * x, 2.0 * x), lambda op, da, db: 5.0 * da + 7.0 * db)

    @tf.function(autograph=False)
    def value(x):
        made = 2.0 * x
        return tf.while_loop(lambda n, y: n < 2, lambda n, y: (n + 1, f(made)[0]), [tf.constant(0), 0.0 * x])[1]

    assert modes.TAPE_INSIDE.run(lambda differentiate, x: differentiate(value, [x])[1], np.float32(2)) == [10.0]
