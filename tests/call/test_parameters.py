"""An index of op.inputs means one parameter of forward however the caller called; op.arguments has all by name."""

import collections
import functools
import inspect
import sys

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from tests import modes
from tests.modes import assert_same_bits, flat

X = np.array([[0.5, -1.25, 3.0], [-0.0, 2.0, -7.5]], np.float32)
TENSOR = "a tensor"


def first(mode, f, *arrays, **options):
    """Return [f's outputs, their gradients], the outputs weighted 2."""

    def program(differentiate, *inputs):
        outputs, gradients = differentiate(f, inputs, [2.0])
        return flat(outputs), gradients

    return mode.run(program, *arrays, **options)


def described(value):
    """Return value with a word for each tensor in it."""
    if isinstance(value, (tf.Tensor, tf.Variable)):
        return TENSOR
    if isinstance(value, dict):
        return {key: described(item) for key, item in value.items()}
    return type(value)(map(described, value)) if isinstance(value, (list, tuple)) else value


def positional(x, a=10.0, b=1.0):
    return x * (a * b)


def keyword_only(x, *, a=10.0, b=1.0):
    return x * (a * b)


def nested_default(x, strides=(1, 2), options={"mode": "a", "axis": 0}, b=1.0):  # noqa: B006
    return x * b


def rest(x, a=2.0, *others, b=1.0, c=3.0, **named):
    return x * (a * b)


#: (forward, how it is called, op.inputs, op.arguments, op.args, op.kwargs)
CALLS = [
    (positional, lambda f, x: f(x), [TENSOR], {"x": TENSOR, "a": 10.0, "b": 1.0}, (TENSOR,), {}),
    (positional, lambda f, x: f(x, 7.0), [TENSOR, 7.0], {"x": TENSOR, "a": 7.0, "b": 1.0}, (TENSOR, 7.0), {}),
    (positional, lambda f, x: f(x, a=7.0), [TENSOR, 7.0], {"x": TENSOR, "a": 7.0, "b": 1.0}, (TENSOR,), {"a": 7.0}),
    (
        positional,
        lambda f, x: f(x, b=3.0),
        [TENSOR, 10.0, 3.0],
        {"x": TENSOR, "a": 10.0, "b": 3.0},
        (TENSOR,),
        {"b": 3.0},
    ),
    (
        positional,
        lambda f, x: f(b=3.0, x=x),
        [TENSOR, 10.0, 3.0],
        {"x": TENSOR, "a": 10.0, "b": 3.0},
        (),
        {"x": TENSOR, "b": 3.0},
    ),
    (
        keyword_only,
        lambda f, x: f(x, b=3.0),
        [TENSOR, 10.0, 3.0],
        {"x": TENSOR, "a": 10.0, "b": 3.0},
        (TENSOR,),
        {"b": 3.0},
    ),
    (
        nested_default,
        lambda f, x: f(x, b=3.0),
        [TENSOR, 1, 2, 0, "a", 3.0],
        {"x": TENSOR, "strides": (1, 2), "options": {"mode": "a", "axis": 0}, "b": 3.0},
        (TENSOR,),
        {"b": 3.0},
    ),
    (
        rest,
        lambda f, x: f(x, z=8.0, y=9.0),
        [TENSOR, 2.0, 1.0, 3.0, 9.0, 8.0],
        {"x": TENSOR, "a": 2.0, "others": (), "b": 1.0, "c": 3.0, "named": {"y": 9.0, "z": 8.0}},
        (TENSOR,),
        {"y": 9.0, "z": 8.0},
    ),
    (
        rest,
        lambda f, x: f(x, 2.0, 5.0, 6.0, c=4.0),
        [TENSOR, 2.0, 5.0, 6.0, 1.0, 4.0],
        {"x": TENSOR, "a": 2.0, "others": (5.0, 6.0), "b": 1.0, "c": 4.0, "named": {}},
        (TENSOR, 2.0, 5.0, 6.0),
        {"c": 4.0},
    ),
    (
        functools.partial(positional, a=5.0),
        lambda f, x: f(x, b=3.0),
        [TENSOR, 5.0, 3.0],
        {"x": TENSOR, "a": 5.0, "b": 3.0},
        (TENSOR,),
        {"b": 3.0},
    ),
    (
        tf.reduce_sum,
        lambda f, x: f(x, keepdims=True),
        [TENSOR, None, True],
        None,  # its further parameters differ from version to version
        (TENSOR,),
        {"keepdims": True},
    ),
]


@pytest.mark.parametrize("forward, call, inputs, arguments, args, kwargs", CALLS)
def test_an_index_means_one_parameter_in_every_call(mode, forward, call, inputs, arguments, args, kwargs):
    if forward is tf.reduce_sum and "keepdims" not in inspect.signature(tf.reduce_sum).parameters:
        pytest.skip("this TensorFlow's tf.reduce_sum has keep_dims")
    found = []

    def backward(op, dy):
        found.append([described(value) for value in (list(op.inputs), dict(op.arguments), op.args, op.kwargs)])
        assert list(op.arguments) == list(inspect.signature(forward).parameters)
        return 10.0 * dy * op.inputs[0]

    f = override_gradient(forward, backward)
    for _ in range(2):
        _, gradients = first(mode, lambda x: call(f, x), X)
        assert_same_bits(gradients, [20 * X])
    assert len(found) == 2
    for one in found:
        assert one == [inputs, one[1] if arguments is None else arguments, args, kwargs]


def test_a_gradient_for_each_leaf_counts_the_defaults(mode):
    f = override_gradient(lambda x, a=10.0, y=None: x * y * a, lambda op, dy: (10.0 * dy, None, 100.0 * dy))
    _, gradients = first(mode, lambda x, y: f(x, y=y), X, X)
    assert_same_bits(gradients, [np.full_like(X, 20), np.full_like(X, 200)])


def test_a_mutable_default_is_looked_at_in_each_call(mode):
    found = []

    def forward(x, history=[], b=1.0):  # noqa: B006
        history.append("called")
        return x * b

    f = override_gradient(forward, lambda op, dy: found.append(list(op.inputs[1:])) or 10.0 * dy)
    for _ in range(2):
        first(mode, lambda x: f(x, b=3.0), X)
    assert found == [[3.0], ["called", 3.0]]


def test_a_callable_without_a_signature_has_args_and_kwargs(mode):
    class Anything:
        __signature__ = "none"  # inspect raises TypeError

        def __call__(self, *args, **kwargs):
            return args[0] * kwargs["b"]

    found = []
    f = override_gradient(Anything(), lambda op, dy: found.append(described(dict(op.arguments))) or 10.0 * dy)
    _, gradients = first(mode, lambda x: f(x, b=3.0), X)
    assert found == [{"args": (TENSOR,), "kwargs": {"b": 3.0}}]
    assert_same_bits(gradients, [np.full_like(X, 20)])


@pytest.mark.skipif(sys.version_info < (3, 8), reason="Python has positional-only parameters from 3.8 on")
def test_positional_only_parameters(mode):
    space = {}
    exec("def forward(x, a=10.0, /, b=1.0):\n    return x * (a * b)", space)
    found = []
    f = override_gradient(space["forward"], lambda op, dy: found.append(op.inputs[1:]) or 10.0 * dy)
    outputs, _ = first(mode, lambda x: f(x, b=3.0), X)
    assert found == [[10.0, 3.0]]
    assert_same_bits(outputs, [30 * X])


@pytest.mark.parametrize("only_by_keyword", [False, True])
def test_a_tensor_that_is_a_default_is_an_input_where_it_is_filled_in(mode, only_by_keyword):
    """What stands in op.inputs and is a tensor has a gradient, whoever wrote it there."""
    seen = []

    def program(differentiate, x, w):
        def forward(x, a=w, b=1.0):
            seen.append(a)
            assert a is not w or mode is not modes.EAGER  # as the others, where no tape sees it
            return x * a * b

        def by_keyword(x, *, a=w, b=1.0):
            return forward(x, a, b)

        def backward(op, dy):
            assert op.inputs[1] is op.arguments["a"] and "a" not in op.kwargs
            return 10.0 * dy, 100.0 * dy

        f = override_gradient(by_keyword if only_by_keyword else forward, backward)
        outputs, gradients = differentiate(lambda x, w: f(x, b=3.0), [x, w], [2.0])
        return flat(outputs), gradients

    if mode is modes.TAPE_OUTSIDE:
        pytest.skip("the program makes its function from tensors that its trace would not own")
    outputs, gradients = mode.run(program, X, X)
    assert_same_bits([outputs, gradients], [[3 * X * X], [np.full_like(X, 20), np.full_like(X, 200)]])
    assert isinstance(seen[0], tf.Tensor)


# --- the surrogate: what it lacks of forward's defaults ----------------------------------------------------------


def _steps(x, name=None, axis=0):
    return tf.sign(x)


#: calls whose defaults the surrogate does not have; each is made more than once
CALLS_WITH_DEFAULTS = collections.OrderedDict(
    [
        ("positional", lambda f, x: f(x, None)),
        ("keyword", lambda f, x: f(x, name=None)),
        ("both positional", lambda f, x: f(x, None, 0)),
        ("mixed", lambda f, x: f(x, None, axis=0)),
    ]
)


@pytest.mark.parametrize("case", CALLS_WITH_DEFAULTS)
def test_a_default_that_the_surrogate_lacks_is_dropped_in_each_call(mode, case):
    f = override_gradient(_steps, surrogate=lambda x: 10.0 * x)
    for _ in range(3):
        outputs, gradients = first(mode, lambda x: CALLS_WITH_DEFAULTS[case](f, x), X)
        assert_same_bits([outputs, gradients], [[np.sign(X)], [np.full_like(X, 20)]])


def test_what_is_no_default_is_not_dropped_in_any_call(mode):
    f = override_gradient(_steps, surrogate=lambda x: 10.0 * x, name="steps")
    first(mode, lambda x: f(x, None), X)
    for _ in range(2):
        with pytest.raises(TypeError, match="'steps': the surrogate must take the same arguments as forward"):
            first(mode, lambda x: f(x, "other"), X)


# --- names that parameters may have ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["self", "own", "args", "kwargs", "mode", "op", "layout", "callee"])
@pytest.mark.parametrize("level", ["whole", "ops"])
def test_a_keyword_may_have_any_name(mode, name, level):
    if level == "ops" and modes.executing_eagerly() and not modes.HAS_FUNCTIONS:
        pytest.skip("TensorFlow has tf.function from 1.14 on")
    space = {}
    exec("def forward(x, {0}=2.0):\n    return tf.abs(x) * {0}".format(name), {"tf": tf}, space)
    backward = {"Abs": lambda op, dy: 10.0 * dy} if level == "ops" else lambda op, dy: 30.0 * dy
    f = override_gradient(space["forward"], backward)
    outputs, gradients = first(mode, lambda x: f(x, **{name: 3.0}), X)
    assert_same_bits([outputs, gradients], [[3 * np.abs(X)], [np.full_like(X, 60)]])


@pytest.mark.skipif(sys.version_info < (3, 8), reason="parameters by position only came with Python 3.8")
def test_a_tensor_that_is_the_default_of_a_parameter_by_position_only_gets_its_gradient(mode):
    def program(differentiate, x, scale):
        made = {"scale": scale}
        exec("def forward(x, factor=scale, /, bias=0.0):\n    return x * factor + bias", made)
        f = override_gradient(made["forward"], lambda op, dy: [10.0 * dy, 100.0 * dy, None])
        return differentiate(lambda x, scale: f(x, bias=1.0), [x, scale], [2.0])[1]

    assert_same_bits(mode.run(program, X, X), [np.full_like(X, 20), np.full_like(X, 200)])


def test_what_goes_to_args_is_called_by_their_name(mode):
    f = override_gradient(lambda x, *others: x * others[0], lambda op, dy: [dy, dy[:1]])
    with pytest.raises(ValueError, match=r"for input 'others\[0\]'"):
        first(mode, lambda x: f(x, x), X)
