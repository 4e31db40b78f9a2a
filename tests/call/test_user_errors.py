"""Exceptions of the user's own code come through as they are, with one line more: which override, and the cure.

And what nobody can mean is refused before anything is computed.
"""

import functools

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from compat_grad.call.explain import words_of
from tests import modes
from tests.modes import assert_same_bits, flat

X = np.array([0.5, -1.25, 3.0], np.float32)
LINE = "override_gradient 'my_rule': raised in "


@pytest.fixture(autouse=True)
def whole_tracebacks():
    """Where Python has no notes (to 3.10), TensorFlow's filter (2.7 and later) drops the cause that stands for one."""
    debugging = getattr(tf, "debugging", None)
    if hasattr(BaseException, "add_note") or not hasattr(debugging, "disable_traceback_filtering"):
        yield
        return
    debugging.disable_traceback_filtering()
    yield
    debugging.enable_traceback_filtering()


def tenfold(op, dy):
    return 10.0 * dy


def raised_by(mode, exception, f, *arrays):
    """Return the exception, of exactly this type, that differentiating f raises."""

    def program(differentiate, *inputs):
        outputs, gradients = differentiate(f, inputs)
        return flat(outputs), gradients

    with pytest.raises(exception) as caught:
        mode.run(program, *arrays)
    assert caught.type is exception
    return caught.value


def assert_says(error, words):
    said = error if isinstance(error, str) else words_of(error)
    for word in words:
        assert word in said, "{!r} is not in: {}".format(word, said)


# --- what user code raises --------------------------------------------------------------------------------------


class Peculiar(Exception):
    """An exception that cannot be made anew from its words."""

    def __init__(self, number, *, reason):
        super().__init__()
        self.number = number
        self.reason = reason

    def __str__(self):
        return "peculiar {}".format(self.reason)


EXCEPTIONS = {
    "ValueError": lambda: ValueError("my own words"),
    "ZeroDivisionError": lambda: ZeroDivisionError("my own words"),
    "KeyError": lambda: KeyError("my own words"),
    "two arguments": lambda: RuntimeError("my own", "words"),
    "an own class": lambda: Peculiar(3, reason="my own words"),
    "TensorFlow's": lambda: tf.errors.InvalidArgumentError(None, None, "my own words"),
}


def raising(error):
    def function(*args, **kwargs):
        raise error

    return function


PARTS = {
    "backward": lambda error: override_gradient(tf.abs, raising(error), name="my_rule"),
    "forward": lambda error: override_gradient(raising(error), tenfold, name="my_rule"),
    "the surrogate": lambda error: override_gradient(lambda x: x, surrogate=raising(error), name="my_rule"),
    "backward of an op": lambda error: override_gradient(tf.abs, {"Abs": raising(error)}, name="my_rule"),
    "forward with ops": lambda error: override_gradient(raising(error), {"Abs": tenfold}, name="my_rule"),
}


@pytest.fixture(params=sorted(PARTS))
def part(request, mode):
    if "op" in request.param and modes.executing_eagerly() and not modes.HAS_FUNCTIONS:
        pytest.skip("TensorFlow has tf.function from 1.14 on")
    return request.param


@pytest.mark.parametrize("case", sorted(EXCEPTIONS))
def test_an_exception_is_the_same_with_one_line_more(mode, part, case):
    error = EXCEPTIONS[case]()
    for call in ("first", "second"):
        caught = raised_by(mode, type(error), PARTS[part](error), X)
        assert caught is error or "backward" not in part, call  # AutoGraph, which converts the others, makes a copy
        assert_says(caught, ["my own", "words", LINE + part.split(" of")[0].split(" with")[0]])
        assert words_of(caught).count("override_gradient") == 1, call


def test_the_line_says_how_backward_is_called(mode):
    f = override_gradient(lambda x: (x, x), raising(ValueError("my own words")), name="my_rule")
    assert_says(raised_by(mode, ValueError, f, X), ["(op, *output_grads), here with 2 gradients"])


def test_the_innermost_override_is_the_one_that_is_named(mode):
    inner = override_gradient(raising(ValueError("my own words")), tenfold, name="my_rule")
    outer = override_gradient(lambda x: inner(x), tenfold, name="outer")
    error = raised_by(mode, ValueError, outer, X)
    assert_says(error, [LINE + "forward"])
    assert "'outer'" not in words_of(error)


def test_what_tensorflow_raises_in_a_backward_has_the_line(mode):
    f = override_gradient(tf.abs, lambda op, dy: tf.reshape(dy, [7]), name="my_rule")
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)) as caught:
        mode.run(lambda differentiate, x: differentiate(f, [x])[1], X)
    assert_says(caught.value, ["7", LINE + "backward"])


@pytest.mark.skipif(not modes.HAS_FUNCTIONS, reason="TensorFlow has tf.function from 1.14 on")
@pytest.mark.parametrize("part", ["backward", "forward", "the surrogate"])
@pytest.mark.parametrize("case", sorted(EXCEPTIONS))
def test_autograph_hands_the_exception_on(functions, part, case):
    error = EXCEPTIONS[case]()
    f = PARTS[part](error)

    @tf.function
    def step(x):
        return modes.by_tape(f, [x])[1][0]

    with pytest.raises(type(error)) as caught:
        step(tf.constant(X))
    assert caught.type is type(error)
    assert_says(caught.value, ["words", LINE + part])


# --- the likeliest mistakes, before anything is computed --------------------------------------------------------

REFUSED_DEFINITIONS = {
    "no op": (
        lambda: override_gradient(tf.abs, lambda dy: -dy),
        TypeError,
        ["(dy)", "(op, *output_grads)", "(op, dy)", "tf.custom_gradient's convention is without the op"],
    ),
    "only op": (lambda: override_gradient(tf.abs, lambda op, *, scale: 1.0), TypeError, ["(op, *, scale)"]),
    "nothing": (lambda: override_gradient(tf.abs, lambda: 1.0), TypeError, ["()", "(op, *output_grads)"]),
    "a keyword that nobody passes": (
        lambda: override_gradient(tf.abs, lambda op, dy, *, scale: 1.0),
        TypeError,
        ["(op, dy, *, scale)", "keyword scale. Give", "functools.partial"],
    ),
    "keywords that nobody passes": (
        lambda: override_gradient(tf.abs, lambda op, dy, *, axis, scale, n=1: 1.0),
        TypeError,
        ["(op, dy, *, axis, scale, n=1)", "keywords axis, scale. Give"],
    ),
    "gradients by keyword": (lambda: override_gradient(tf.abs, lambda op, **dys: 1.0), TypeError, ["(op, **dys)"]),
    "no op, for an op": (
        lambda: override_gradient(tf.abs, {"Abs": lambda dy: -dy}),
        TypeError,
        ["backward['Abs']", "(dy)", "(op, *output_grads)"],
    ),
    "the map first": (
        lambda: override_gradient({"Identity": "X"}),
        TypeError,
        ["forward must be callable", "override_gradient(forward, {'Identity': 'X'})", "backward={'Identity': 'X'}"],
    ),
    "the name first": (lambda: override_gradient("X"), TypeError, ["override_gradient(forward, 'X')"]),
    "a decorator without brackets": (
        lambda: override_gradient(tf.abs),
        TypeError,
        ["@override_gradient(backward=...)"],
    ),
    "a property": (lambda: override_gradient(property(len), tenfold), TypeError, ["@property stand above"]),
    "a function's name for an op type": (
        lambda: override_gradient(tf.nn.relu, {"tf.nn.relu": tenfold}),
        ValueError,
        ["'tf.nn.relu'", "'Relu' is probably meant", "op.type"],
    ),
    "a function for an op type": (
        lambda: override_gradient(tf.nn.relu, {tf.nn.relu: tenfold}),
        TypeError,
        ["<function relu", "'Relu' is probably meant"],
    ),
    "a function that makes no op of its name": (
        lambda: override_gradient(tf.reduce_sum, {"tf.reduce_sum": tenfold}),
        ValueError,
        ["'tf.reduce_sum'", "op.type"],
    ),
}


@pytest.mark.parametrize("case", sorted(REFUSED_DEFINITIONS))
def test_a_definition_that_nobody_can_mean(case):
    define, exception, words = REFUSED_DEFINITIONS[case]
    with pytest.raises(exception) as caught:
        define()
    assert_says(str(caught.value), ["override_gradient"] + words)


CONTEXT_MANAGERS = [
    lambda: override_gradient({"Relu": "X"}),
    lambda: override_gradient(backward={"Relu": "X"}),
    lambda: override_gradient(tf.abs, tenfold),
]


@pytest.mark.parametrize("index", range(len(CONTEXT_MANAGERS)))
def test_it_is_no_context_manager_and_says_what_to_write(index):
    with pytest.raises(TypeError) as caught, CONTEXT_MANAGERS[index]():
        pass
    assert_says(str(caught.value), ["override_gradient", "override_gradient(forward, ", "@override_gradient(backward="])


REFUSED_CALLS = {
    "one gradient for two outputs": (
        lambda x: (x, x * 2.0),
        lambda op, dy: dy,
        ["'my_rule'", "(op, dy)", "2 outputs", "(op, dy0, dy1)"],
    ),
    "two gradients for one output": (lambda x: x, lambda op, a, b: a, ["(op, a, b)", "1 output,", "(op, dy)"]),
    "two gradients, with defaults": (
        lambda x: (x, x, x),
        lambda op, a, b=None: a,
        ["(op, a, b=None)", "3 outputs", "(op, dy0, dy1, dy2)"],
    ),
    "variables in the place of a gradient": (
        lambda x: (x, x * 2.0),
        lambda op, dy, variables=None: dy,
        ["(op, dy, variables=None)", "2 outputs"],
    ),
    "variables required, none captured": (
        lambda x: x,
        lambda op, dy, variables: (dy, variables),
        ["(op, dy, variables)", "captured no trainable variables", "variables=None"],
    ),
    "variables required as a keyword, none captured": (
        lambda x: x,
        lambda op, dy, *, variables: (dy, variables),
        ["(op, dy, *, variables)", "variables=None"],
    ),
    "a registered gradient of one output for two": (
        lambda x: (x, x * 2.0),
        "Identity",
        ["the gradient registered as 'Identity' takes", "2 outputs"],
    ),
}


@pytest.mark.parametrize("case", sorted(REFUSED_CALLS))
def test_a_backward_that_cannot_be_called_is_refused_when_the_override_is(mode, case):
    forward, backward, words = REFUSED_CALLS[case]
    f = override_gradient(forward, backward, name="my_rule")
    for _ in range(2):
        with pytest.raises(TypeError) as caught:
            mode.run(lambda differentiate, x: flat(f(x)), X)  # no gradient is asked for
        assert_says(str(caught.value), ["override_gradient 'my_rule'"] + words)


FITTING_BACKWARDS = {
    "any number": lambda *args: 10.0 * args[1],
    "op and any number": lambda op, *dys: 10.0 * dys[0],
    "a default": lambda op, dy, scale=10.0: scale * dy,
    "a keyword with a default": lambda op, dy, *, scale=10.0: scale * dy,
    "a keyword that is set": functools.partial(lambda op, dy, *, scale: scale * dy, scale=10.0),
    "variables that may be missing": lambda op, dy, variables=None: 10.0 * dy,
    "any keywords": lambda op, dy, **keywords: 10.0 * dy,
}


@pytest.mark.parametrize("case", sorted(FITTING_BACKWARDS))
def test_a_backward_that_can_be_called_is(mode, case):
    f = override_gradient(tf.abs, FITTING_BACKWARDS[case])
    (gradient,) = mode.run(lambda differentiate, x: differentiate(f, [x])[1], X)
    assert_same_bits(gradient, np.full_like(X, 10.0))


def test_forward_returns_a_gradient_as_for_custom_gradient(mode):
    f = override_gradient(lambda x: (x, lambda dy: dy), tenfold, name="my_rule")
    words = ["'my_rule'", "forward returned", "tf.custom_gradient", "return y alone", "(op, *output_grads)"]
    assert_says(raised_by(mode, TypeError, f, X), words)


# --- what works instead -----------------------------------------------------------------------------------------


class Shapes:
    @override_gradient(backward=tenfold)
    @staticmethod
    def twice(x):
        return 2.0 * x

    @staticmethod
    @override_gradient(backward=tenfold)
    def twice_below(x):
        return 2.0 * x


@pytest.mark.parametrize("twice", [lambda x: Shapes.twice(x), lambda x: Shapes().twice(x)], ids=["class", "instance"])
def test_over_a_staticmethod(mode, twice):
    for _ in range(2):
        (value, (gradient,)) = mode.run(lambda differentiate, x: differentiate(twice, [x]), X)
        assert_same_bits([value, gradient], [2.0 * X, np.full_like(X, 10.0)])


# --- Python control flow on tensors -----------------------------------------------------------------------------


def test_who_can_have_autograph_is_not_told_to_do_without(functions):
    f = override_gradient(lambda x: x if tf.reduce_sum(x) > 0.0 else -x, lambda op, dy: 10.0 * dy, name="my_rule")
    try:
        tf.function(lambda x: f(x))(tf.constant(X))
        is_reached = True
    except TypeError:  # 1.14
        is_reached = False
    with pytest.raises(TypeError) as caught:
        tf.function(f.__call__, autograph=False)(tf.constant(X))
    assert_says(caught.value, [LINE + "forward"])
    assert ("cannot reach the AutoGraph" in words_of(caught.value)) is not is_reached


# --- a backward that needs a graph ------------------------------------------------------------------------------


def by_tf_gradients(op, dy):
    y = tf.sin(op.inputs[0])
    return modes.v1.gradients(y, op.inputs[0], dy)[0]


def test_tf_gradients_in_an_eager_backward_names_the_strategy(eager):
    f = override_gradient(tf.abs, by_tf_gradients, name="my_rule")
    error = raised_by(modes.EAGER, RuntimeError, f, X)
    assert_says(error, [LINE + "backward", "strategy='gradient_override_map'", "op.native_gradient(*output_grads)"])


def test_and_with_that_strategy_it_works(mode):
    if mode is modes.EAGER and not modes.HAS_FUNCTIONS:
        pytest.skip("TensorFlow has tf.function from 1.14 on")
    f = override_gradient(tf.abs, by_tf_gradients, strategy="gradient_override_map")
    (gradient,) = mode.run(lambda differentiate, x: differentiate(f, [x])[1], X)
    np.testing.assert_allclose(gradient, np.cos(X), rtol=1e-6)


# --- the op of a whole function ---------------------------------------------------------------------------------


@pytest.mark.parametrize("attribute", ["get_attr", "node_def", "graph"])
def test_the_op_of_a_whole_function_says_what_it_has_not(mode, attribute):
    f = override_gradient(tf.abs, lambda op, dy: getattr(op, attribute), name="my_rule")
    words = ["'my_rule'", repr(attribute), "op.inputs", "op-level"]
    assert_says(raised_by(mode, AttributeError, f, X), words)


def test_and_may_be_asked_whether_it_has_it(mode):
    f = override_gradient(tf.abs, lambda op, dy: 3.0 * dy if hasattr(op, "get_attr") else 10.0 * dy)
    (gradient,) = mode.run(lambda differentiate, x: differentiate(f, [x])[1], X)
    assert_same_bits(gradient, np.full_like(X, 10.0))


def test_and_shows_whose_it_is(mode):
    shown = []
    f = override_gradient(
        lambda x: (x, -x), lambda op, *grads: shown.append(repr(op)) or 10.0 * grads[0], name="my_rule"
    )
    mode.run(lambda differentiate, x: differentiate(f, [x])[1], X)
    assert set(shown) == {"<op of the override 'my_rule': 1 inputs, 2 outputs>"}


class Fixed(Exception):
    """An exception whose words are its own, whatever its arguments are."""

    def __str__(self):
        return "fixed words"


@pytest.mark.parametrize("cause", [None, KeyError("a cause"), Fixed("a cause")], ids=repr)
def test_an_exception_that_keeps_its_words_or_has_a_cause_gets_the_line_too(cause):
    def failing():
        raise Fixed("fixed words") from cause

    with pytest.raises(Fixed) as caught:
        override_gradient(failing, tenfold, name="my_rule")()
    assert (str(caught.value), caught.value.args) == ("fixed words", ("fixed words",))
    assert_says(caught.value, ["fixed words", LINE + "forward"] + ([str(cause)] if cause else []))
    assert cause is None or caught.value.__cause__ is cause


def test_of_what_backward_returned_a_glimpse_is_shown(mode):
    f = override_gradient(tf.abs, lambda op, dy: ["x" * 100])
    said = str(raised_by(mode, ValueError, f, X))
    assert "backward returned '{}... (str) for input".format("x" * 76) in said
