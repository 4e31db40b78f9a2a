"""Bad input is refused by the same exception in the same words in every mode: whose fault, what, the way out."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import available_strategies, override_gradient
from tests import modes
from tests.modes import flat

X = np.array([[0.5, -1.25, 3.0], [-0.0, 2.0, -7.5]], np.float32)
Y = np.array([[1.5, 0.25, -2.0], [4.0, -0.5, 1.0]], np.float32)


def message_of(mode, exception, call, *arrays):
    """Return what is said when call is differentiated."""

    def program(differentiate, *inputs):
        outputs, gradients = differentiate(call, inputs)
        return flat(outputs), gradients

    with pytest.raises(exception) as caught:
        mode.run(program, *arrays)
    assert caught.type is exception
    return str(caught.value)


def assert_says(message, words):
    for word in words:
        assert word in message, "{!r} is not in: {}".format(word, message)


def rule(op, *dys):
    return dys[0]


def my_forward(x):
    return x * 3.0


# --- definitions -----------------------------------------------------------------------------------------------

DEFINITIONS = {
    "forward is not callable": (dict(forward=3, backward=rule), TypeError, ["forward", "callable", "3 (int)"]),
    "forward is a tensor's value": (dict(forward=X, backward=rule), TypeError, ["forward", "callable", "ndarray"]),
    "backward is not callable": (
        dict(forward=my_forward, backward=3),
        TypeError,
        ["'my_forward'", "backward", "3 (int)", "registered gradient"],
    ),
    "surrogate is not callable": (
        dict(forward=my_forward, surrogate="Identity"),
        TypeError,
        ["'my_forward'", "surrogate", "callable", "'Identity' (str)"],
    ),
    "neither": (dict(forward=my_forward), TypeError, ["'my_forward'", "backward", "surrogate", "neither"]),
    "both": (
        dict(forward=my_forward, backward=rule, surrogate=my_forward),
        TypeError,
        ["'my_forward'", "backward", "surrogate", "both"],
    ),
    "unknown combine": (
        dict(forward=my_forward, surrogate=my_forward, combine="divide"),
        ValueError,
        ["'my_forward'", "combine", "'add'", "'multiply'", "'divide'"],
    ),
    "combine without a surrogate": (
        dict(forward=my_forward, backward=rule, combine="multiply"),
        ValueError,
        ["'my_forward'", "combine", "'multiply'", "surrogate"],
    ),
    "unknown strategy": (
        dict(forward=my_forward, backward=rule, strategy="map"),
        ValueError,
        ["'my_forward'", "strategy", "'map'", "auto", "tape", "gradient_override_map", "custom_gradient"],
    ),
    "stop_gradient for a backward": (
        dict(forward=my_forward, backward=rule, strategy="stop_gradient"),
        ValueError,
        ["'my_forward'", "'stop_gradient'", "backward", "surrogate", "strategy='auto'"],
    ),
    "the name given is the one that errors show": (
        dict(forward=my_forward, backward=3, name="my_name"),
        TypeError,
        ["'my_name'", "backward"],
    ),
}


@pytest.mark.parametrize("case", DEFINITIONS)
def test_a_definition_is_refused(mode, case):
    options, exception, words = DEFINITIONS[case]
    message = message_of(mode, exception, lambda x: override_gradient(**options)(x), X)
    assert_says(message, ["override_gradient"] + words)


def test_a_decorator_is_refused_when_it_decorates(mode):
    def call(x):
        return override_gradient(backward=rule, strategy="map")(my_forward)(x)

    assert_says(message_of(mode, ValueError, call, X), ["'my_forward'", "'map'"])


# --- calls -----------------------------------------------------------------------------------------------------


def two(x, y):
    return x * y


BAD_CALLS = {
    "too few": (lambda f, x: f(x), ["'two'", "'y'"]),
    "too many": (lambda f, x: f(x, x, x), ["'two'", "too many positional arguments"]),
    "unknown keyword": (lambda f, x: f(x, x, z=x), ["'two'", "'z'"]),
    "twice": (lambda f, x: f(x, x, y=x), ["'two'", "'y'"]),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_arguments_that_do_not_fit_the_signature(mode, case):
    call, words = BAD_CALLS[case]
    f = override_gradient(two, rule)
    assert_says(message_of(mode, TypeError, lambda x: call(f, x), X), words)


def test_forward_returns_something_that_is_no_tensor(mode):
    f = override_gradient(lambda x: {"y": x * 3.0, "z": object()}, rule, name="my_rule")
    assert_says(message_of(mode, TypeError, f, X), ["'my_rule'", "forward returned", "object", "Return only tensors"])


def test_an_unregistered_name_is_refused_before_forward_runs(mode):
    ran = []

    def forward(x):
        ran.append(x)
        return x * 3.0

    f = override_gradient(forward, "NotRegisteredAnywhere", name="my_rule")
    with pytest.raises(ValueError) as caught:
        mode.run(lambda differentiate, x: [f(x)], X)  # no gradient is asked for
    words = ["'my_rule'", "backward", "'NotRegisteredAnywhere'", "RegisterGradient"]
    assert_says(str(caught.value), words)
    assert not ran


def test_a_name_may_be_registered_between_definition_and_call(mode):
    name = "test_errors_late_{}".format(abs(hash(mode.name)))
    f = override_gradient(my_forward, name)
    modes.v1.RegisterGradient(name)(lambda op, dy: 10.0 * dy)
    (gradient,) = mode.run(lambda differentiate, x: differentiate(f, [x])[1], X)
    modes.assert_same_bits(gradient, np.full_like(X, 10))


@pytest.mark.parametrize("strategy", ["tape", "gradient_override_map", "custom_gradient"])
def test_a_strategy_that_cannot_be_had_is_refused_with_its_reason_and_the_others(mode, strategy):
    f = override_gradient(my_forward, rule, strategy=strategy)
    refusals = []

    def program(differentiate, x):
        def call(x):
            strategies = available_strategies()
            if strategy in strategies:
                return f(x)
            with pytest.raises(ValueError) as caught:
                f(x)
            reason = strategies.unavailable[strategy]
            refusals.append((str(caught.value), ["'my_forward'", repr(strategy), reason, "'auto'"] + list(strategies)))
            return x

        outputs, gradients = differentiate(call, [x])
        return flat(outputs), gradients

    mode.run(program, X)
    for message, words in refusals:
        assert_says(message, words)


# --- surrogates ------------------------------------------------------------------------------------------------

Pair = collections.namedtuple("Pair", "a b")

SURROGATES = {
    "more outputs": (lambda x: x, lambda x: (x, x), ["surrogate"]),
    "fewer outputs": (lambda x: (x * 2.0, x), lambda x: x, ["surrogate"]),
    "another structure": (lambda x: (x * 2.0, x), lambda x: {"a": x, "b": x}, ["surrogate", "structure"]),
    "other keys": (lambda x: {"a": x * 2.0, "c": x}, lambda x: {"a": x, "b": x}, ["surrogate", "structure"]),
    "None elsewhere": (lambda x: (x * 2.0, None), lambda x: (None, x), ["surrogate", "structure"]),
    "a list": (lambda x: (x * 2.0, x), lambda x: [x, x], ["surrogate", "(tensor, tensor)", "[tensor, tensor]"]),
    "a namedtuple": (lambda x: Pair(x, x), lambda x: (x, x), ["surrogate", "Pair(a=tensor, b=tensor)", "(tensor, t"]),
    "a deque": (lambda x: collections.deque([x]), lambda x: [x], ["surrogate", "deque([tensor])", "[tensor]"]),
    "another shape": (lambda x: x * 2.0, lambda x: x[:1], ["surrogate", "shape", "(2, 3)", "(1, 3)"]),
    "another rank": (lambda x: x * 2.0, lambda x: tf.reduce_sum(x), ["surrogate", "shape", "(2, 3)", "()"]),
    "another dtype": (
        lambda x: x * 2.0,
        lambda x: tf.cast(x, tf.float64),
        ["surrogate", "float32", "float64", "cast"],
    ),
    "another dtype of the second": (
        lambda x: (x, x * 2.0),
        lambda x: (x, tf.cast(x, tf.int32)),
        ["surrogate", "1", "float32", "int32", "cast"],
    ),
}


@pytest.mark.parametrize("options", [{}, {"combine": "multiply", "strategy": "stop_gradient"}], ids=str)
@pytest.mark.parametrize("case", SURROGATES)
def test_a_surrogate_that_is_not_like_forward(mode, case, options):
    forward, surrogate, words = SURROGATES[case]
    f = override_gradient(forward, surrogate=surrogate, name="my_rule", **options)
    assert_says(message_of(mode, ValueError, f, X), ["'my_rule'", "forward"] + words)


@pytest.mark.parametrize("surrogate", [lambda: 1.0, lambda x, y: x, lambda x, *, y: x], ids=["none", "more", "keyword"])
def test_a_surrogate_of_another_signature_is_refused_before_forward_runs(mode, surrogate):
    ran = []
    f = override_gradient(lambda x: ran.append(x) or x, surrogate=surrogate, name="my_rule")
    with pytest.raises(TypeError) as caught:
        mode.run(lambda differentiate, x: [f(x)], X)
    assert_says(str(caught.value), ["'my_rule'", "surrogate must take the same arguments as forward"])
    assert not ran


def test_a_method_as_surrogate_of_another_signature(mode):
    class Model:
        @override_gradient(surrogate=lambda self, x, y: x, name="my_rule")
        def call(self, x):
            return x

    assert_says(message_of(mode, TypeError, Model().call, X), ["'my_rule'", "surrogate must take the same arguments"])


# --- what backward returns -------------------------------------------------------------------------------------

BACKWARDS = {
    "too few": (lambda op, dy: dy, ["1 gradient", "2 tensors", "x, y"]),
    "too few in a list": (lambda op, dy: [dy], ["1 gradient", "2 tensors", "x, y"]),
    "none at all": (lambda op, dy: (), ["0 gradients", "2 tensors", "x, y"]),
    "too many": (lambda op, dy: (dy, dy, dy), ["3 gradients", "2 tensors", "x, y"]),
    "another shape": (lambda op, dy: (dy, dy[0]), ["shape", "(3,)", "'y'", "(2, 3)", "reduce"]),
    "a scalar": (lambda op, dy: (1.0, dy), ["shape", "()", "'x'", "(2, 3)"]),
    "NumPy of another shape": (lambda op, dy: (dy, np.ones([3, 2])), ["shape", "(3, 2)", "'y'", "(2, 3)"]),
    "another float": (lambda op, dy: (tf.cast(dy, tf.float64), dy), ["float64", "'x'", "float32", "tf.cast"]),
    "an integer tensor": (lambda op, dy: (dy, tf.cast(dy, tf.int32)), ["int32", "'y'", "float32", "tf.cast"]),
    "a string tensor": (lambda op, dy: (dy, tf.as_string(dy)), ["string", "'y'", "float32"]),
    "a string": (lambda op, dy: (dy, "dy"), ["'dy' (str)", "'y'", "float32", "None"]),
    "an object": (lambda op, dy: (object, dy), ["object", "(type)", "'x'", "None"]),
    "complex numbers for real ones": (lambda op, dy: (dy, X * 1j), ["(ndarray)", "'y'", "float32"]),
    "IndexedSlices of another dtype": (
        lambda op, dy: (tf.IndexedSlices(tf.cast(dy, tf.float64), [0, 1], [2, 3]), dy),
        ["float64", "'x'", "float32", "tf.cast"],
    ),
    "IndexedSlices of another shape": (
        lambda op, dy: (tf.IndexedSlices(dy[:, :2], tf.constant([0, 1]), tf.constant([2, 2])), dy),
        ["shape", "'x'", "(2, 3)"],
    ),
}


@pytest.mark.parametrize("strategy", ["auto", "gradient_override_map", "custom_gradient"])
@pytest.mark.parametrize("case", BACKWARDS)
def test_a_backward_that_returns(mode, case, strategy):
    if strategy == "custom_gradient" and not hasattr(tf, "custom_gradient"):
        pytest.skip("TensorFlow has tf.custom_gradient from 1.7 on")
    if strategy == "gradient_override_map" and mode is modes.EAGER and not modes.HAS_FUNCTIONS:
        pytest.skip("TensorFlow has tf.function from 1.14 on")
    backward, words = BACKWARDS[case]
    f = override_gradient(two, backward, strategy=strategy)
    message = message_of(mode, ValueError, f, X, Y)
    assert_says(message, ["override_gradient 'two'", "backward returned"] + words)


#: name: (backward of f({"a": x, "b": y}, [1.0]), what the error calls that)
OTHER_NAMES = {
    "another name": (lambda op, dy: ({"a": dy, "c": dy}, None), "({'a': ..., 'c': ...}, ...)"),
    "another name, without the rest": (lambda op, dy: {"a": dy, "c": dy}, "{'a': ..., 'c': ...}"),
    "a name too many": (lambda op, dy: ({"a": dy, "b": dy, "c": dy}, [None]), "'c': ...}, [...])"),
    "a name that is missing": (lambda op, dy: ({"a": dy}, [None]), "({'a': ...}, [...])"),
    "no such parameter": (lambda op, dy: {"params": {"a": dy, "b": dy}, "z": None}, "'z': ...}"),
    "names for places": (lambda op, dy: ({"a": dy, "b": dy}, {"more": None}), "{'more': ...})"),
    "the values of a mapping of its own": (lambda op, dy: {"dx": dy, "dy": dy}, "{'dx': ..., 'dy': ...}"),
}


@pytest.mark.parametrize("case", OTHER_NAMES)
def test_a_backward_that_returns_other_names_than_the_arguments(mode, case):
    """Else a gradient would go to whatever comes at its place in the order of the alphabet."""
    backward, words = OTHER_NAMES[case]
    f = override_gradient(lambda params, more: params["a"] * params["b"] * more[0], backward, name="my_rule")
    message = message_of(mode, ValueError, lambda x, y: f({"a": x, "b": y}, [1.0]), X, Y)
    assert_says(message, ["'my_rule'", "backward returned", words, "params['a'], params['b'], more[0]"])


def test_a_backward_that_returns_too_few_for_a_single_tensor(mode):
    f = override_gradient(my_forward, lambda op, dy: [])
    assert_says(message_of(mode, ValueError, f, X), ["'my_forward'", "backward returned 0", "1 tensor", "x"])


def test_the_gradient_at_fault_is_called_by_its_path_in_the_arguments(mode):
    def backward(op, dy):
        return [dy, dy, dy[0]]

    f = override_gradient(lambda params, x: params["w"][0] * params["w"][1] * x, lambda op, dy: (dy, dy[0], dy))
    message = message_of(mode, ValueError, lambda x, y: f({"w": [x, y]}, x=x), X, Y)
    assert "params['w'][1]" in message
    f = override_gradient(lambda *xs, **named: xs[0] * xs[1] * named["z"], backward)
    message = message_of(mode, ValueError, lambda x, y: f(x, y, z=x), X, Y)
    assert "'z'" in message


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_float32_gradient_of_a_smaller_float_is_refused(mode, dtype):
    f = override_gradient(lambda x: tf.cast(x, tf.float32), lambda op, dy: dy, name="my_rule")
    message = message_of(mode, ValueError, lambda x: f(tf.cast(x, getattr(tf, dtype))), X)
    assert_says(message, ["'my_rule'", "dtype float32", "'x'", dtype, "tf.cast"])


def test_a_single_number_for_several_elements_is_not_broadcast(mode):
    f = override_gradient(my_forward, lambda op, dy: 1.0)
    assert_says(message_of(mode, ValueError, f, X), ["'my_forward'", "shape ()", "'x'", "(2, 3)"])


@pytest.mark.parametrize("exception", [ValueError, RuntimeError, "MyError"], ids=str)
def test_an_exception_that_backward_raises_keeps_its_type_and_words(mode, exception):
    exception = MyError if exception == "MyError" else exception

    def backward(op, dy):
        raise exception("my own words")

    assert "my own words" in message_of(mode, exception, override_gradient(my_forward, backward), X)


class MyError(Exception):
    pass


def test_a_traced_function_under_a_tape_refuses_a_bad_backward_at_its_call(functions):
    traced = tf.function(override_gradient(two, lambda op, dy: dy))
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        with pytest.raises(ValueError, match="'two'.*backward returned 1 gradient"):
            traced(x, x)


def test_a_graph_refuses_a_bad_backward_when_its_gradient_is_built(graph):
    x = tf.constant(X)
    y = override_gradient(two, lambda op, dy: dy)(x, x)
    with pytest.raises(ValueError, match="'two'.*backward returned 1 gradient"):
        modes.v1.gradients(y, x)


# --- captured variables ----------------------------------------------------------------------------------------

VARIABLE_GRADIENTS = {
    "no pair": (lambda op, dy, variables: dy, ["captures variables", "kernel", "(input_grads, variable_grads)"]),
    "too few": (lambda op, dy, variables: (dy, [dy]), ["1 variable gradient", "2", "kernel", "bias"]),
    "too many": (lambda op, dy, variables: (dy, [dy, dy, dy]), ["3 variable gradients", "2", "kernel", "bias"]),
    "another shape": (lambda op, dy, variables: (dy, [dy, dy]), ["shape (2, 3)", "bias", "()"]),
    "another dtype": (
        lambda op, dy, variables: (dy, [tf.cast(dy, tf.float64), None]),
        ["float64", "kernel", "float32", "tf.cast"],
    ),
    "a string": (lambda op, dy, variables: (dy, ["dy", None]), ["'dy' (str)", "kernel"]),
    "a mapping": (
        lambda op, dy, variables: (dy, {"kernel": dy, "bias": None}),
        ["variable gradients as {'bias': ..., 'kernel': ...}", "a list", "order", "kernel:0, bias:0"],
    ),
}


@pytest.mark.parametrize("case", VARIABLE_GRADIENTS)
def test_a_backward_that_returns_for_captured_variables(mode, case):
    backward, words = VARIABLE_GRADIENTS[case]
    make = tf.contrib.eager.Variable if mode is not modes.GRAPH and not modes.IS_TF2 else tf.Variable
    kernel, bias = make(Y, name="kernel"), make(1.0, name="bias")
    f = override_gradient(lambda x: kernel * x + bias, backward, name="dense")
    assert_says(message_of(mode, ValueError, f, X), ["'dense'"] + words)


def test_captured_variables_are_refused_when_the_override_is_called(mode):
    make = tf.contrib.eager.Variable if mode is not modes.GRAPH and not modes.IS_TF2 else tf.Variable
    kernel = make(Y, name="kernel")
    f = override_gradient(lambda x: kernel * x, rule, name="dense")
    with pytest.raises(ValueError) as caught:
        mode.run(lambda differentiate, x: [f(x)], X)  # no gradient is asked for
    assert_says(str(caught.value), ["'dense'", "kernel", "argument", "`variables`", "(input_grads, variable_grads)"])
