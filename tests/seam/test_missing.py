"""Each private name of TensorFlow missing in turn: an override is right by the public way, or refused in our words."""

import contextlib
import importlib
import sys

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import _tf
from compat_grad.call.explain import words_of
from tests import modes

X = np.array([[0.5, -1.25, 3.0], [1.5, 2.0, -7.5]], np.float32)


@contextlib.contextmanager
def without(monkeypatch, names):
    """Yield a compat_grad that finds none of these names of TensorFlow; the one that was there comes back."""
    monkeypatch.setenv("COMPAT_GRAD_WITHOUT", names)
    ours = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "compat_grad"}
    converters = _vectorizing_converters()
    kept = dict(converters)
    for name in ours:
        del sys.modules[name]
    try:
        yield importlib.import_module("compat_grad")
    finally:
        for name in list(sys.modules):
            if name.partition(".")[0] == "compat_grad":
                del sys.modules[name]
        sys.modules.update(ours)
        converters.clear()
        converters.update(kept)


def _vectorizing_converters():
    try:
        return importlib.import_module("tensorflow.python.ops.parallel_for.pfor")._pfor_converter_registry
    except (ImportError, AttributeError):
        return {}


def times_ten(op, dy):
    return 10.0 * dy


def with_variables(op, dy, variables=()):
    return 10.0 * dy, [7.0 * tf.reduce_sum(dy) for _ in variables]


# Each program takes `override_gradient` and returns (f of X, the expected gradient of its sum, weighted by two).


def whole(override):
    return override(lambda x: 3.0 * x, times_ten), np.full_like(X, 20)


def surrogate(override):
    return override(tf.sign, surrogate=lambda x: 5.0 * x), np.full_like(X, 10)


def by_name(override):
    return override(tf.sign, "Identity"), np.full_like(X, 2)


def ops(override):
    return override(lambda x: tf.nn.relu(x) * 3.0, {"Relu": times_ten}), np.full_like(X, 60)


def ops_in_a_branch(override):
    def forward(x):
        return tf.cond(tf.reduce_sum(tf.abs(x)) > 0.0, lambda: tf.nn.relu(x), lambda: x)

    return override(forward, {"Relu": times_ten}), np.full_like(X, 20)


def ops_in_a_function(override):
    nested = tf.function(lambda x: tf.nn.relu(x) * 3.0, autograph=False) if hasattr(tf, "function") else tf.nn.relu
    return override(lambda x: nested(x) * 1.0, {"Relu": times_ten}), np.full_like(X, 20 if nested is tf.nn.relu else 60)


def branching(x):
    if tf.reduce_sum(tf.abs(x)) > 0.0:
        y = tf.nn.relu(x)
    else:
        y = x
    return y


def ops_of_python_control_flow(override):
    return override(branching, {"Relu": times_ten}), np.full_like(X, 20)


def ops_in_a_loop(override):
    def forward(x):
        return tf.while_loop(lambda i, _: i < 2, lambda i, y: (i + 1, tf.nn.relu(y)), (tf.constant(0), x))[1]

    return override(forward, {"Relu": times_ten}), np.full_like(X, 200)


def vectorized(override):
    f = override(lambda row: tf.nn.relu(row) * 3.0, {"Relu": times_ten})
    return (lambda x: tf.vectorized_map(f, x)), np.full_like(X, 60)


def vectorized_whole(override):
    f = override(lambda row: row * 3.0, times_ten)
    return (lambda x: tf.vectorized_map(f, x)), np.full_like(X, 20)


def variable(override):
    w = modes.v1.get_variable("w", initializer=np.float32(3.0)) if not modes.HAS_EAGER else modes.variable(3.0)
    return override(lambda x: x * w, with_variables), np.full_like(X, 20)


def by_tape_and_autograph(f, inputs, output_gradients=None):
    return modes.by_tape(tf.function(lambda x: f(x)), inputs, output_gradients)


AUTOGRAPH = modes.Mode("autograph", "function by AutoGraph", by_tape_and_autograph, modes.EAGER._run, lambda: True, "")
PROGRAMS = {
    modes.GRAPH: [whole, by_name, ops, ops_in_a_loop],
    modes.EAGER: [whole, surrogate, by_name, ops, ops_in_a_loop, variable, vectorized],
    modes.TAPE_OUTSIDE: [whole, ops],
    modes.TAPE_INSIDE: [whole, surrogate, by_name, ops, ops_in_a_branch, ops_in_a_function, variable]
    + [vectorized_whole, vectorized],
    modes.GRADIENTS_INSIDE: [whole, surrogate, ops],
    AUTOGRAPH: [whole, surrogate, ops, ops_of_python_control_flow],
}


IN_A_FUNCTION = "which was traced before and is shared with other callers"
NO_CONVERTERS = "this TensorFlow hides the converters of tf.vectorized_map"

#: (program, what it may be refused with, without one of these names). All else is right.
REFUSED = (
    (by_name, "this TensorFlow hides its registry of gradients", ["_gradient_registry"]),
    (ops_in_a_branch, IN_A_FUNCTION, ["CondBranchFuncGraph"]),
    (ops_in_a_loop, IN_A_FUNCTION, ["WhileCondFuncGraph", "WhileBodyFuncGraph"]),
    (ops_in_a_function, IN_A_FUNCTION, ["save_context", "in_save_context"]),
    (ops_of_python_control_flow, "cannot reach the AutoGraph of this", ["tf_convert", "control_status_ctx"]),
    (ops_of_python_control_flow, IN_A_FUNCTION, ["CondBranchFuncGraph"]),
    (vectorized, NO_CONVERTERS, ["_pfor_converter_registry", "wrap"]),
    (vectorized_whole, NO_CONVERTERS, ["_pfor_converter_registry", "wrap", "record_operation", "stop_recording"]),
)


def refusals(program, missing):
    """Return the words that program may be refused with where these names are missing."""
    return [words for refused, words, names in REFUSED if refused is program and missing.intersection(names)]


def what_is_wrong(override, mode, program, refusals):
    """Return None where the gradient is right, or refused in words that are expected; else what came."""
    with mode.scope():
        try:
            f, expected = program(override)
            (found,) = mode.run(lambda differentiate, x: differentiate(f, [x], [2.0])[1], X)
        except Exception as error:
            said = words_of(error)
            refused = any(words in said for words in refusals)
            return None if refused else "{}: {}".format(type(error).__name__, said)
    return None if found is not None and np.array_equal(found, expected) else "{}, not {}".format(found, expected)


def programs():
    """Return the pairs (mode, program) of the running TensorFlow."""
    known = list(modes.MODES) + ([AUTOGRAPH] if modes.HAS_FUNCTIONS else [])
    return [
        (mode, program)
        for mode in known
        for program in PROGRAMS[mode]
        if program not in (vectorized, vectorized_whole) or _can_be_vectorized(program)
    ]


def _can_be_vectorized(program):
    if not hasattr(tf, "vectorized_map"):
        return False
    return program is vectorized_whole or modes.functions_can_be_vectorized()


NAMES = sorted(name for name, found in _tf.looked_up.items() if found)


@pytest.mark.skipif(
    modes.BEHAVIOUR == "eager" and not modes.HAS_FUNCTIONS,
    reason="eager mode before tf.function (1.14) has no loops in functions, nor a public tape in all versions",
)
@pytest.mark.skipif(
    not _tf.has_identity_n_op, reason="before 1.4 the pass-through op itself is the call of a private function"
)
@pytest.mark.parametrize(
    "names", [pytest.param(NAMES, id="all")] + [pytest.param([name], id=name, marks=pytest.mark.slow) for name in NAMES]
)
def test_each_private_name_may_be_missing_and_all_at_once(monkeypatch, names):
    missing = set(names) | {other for other, found in _tf.looked_up.items() if not found}
    outcomes = []
    with without(monkeypatch, ",".join(names)) as ours:
        for mode, program in programs():
            wrong = what_is_wrong(ours.override_gradient, mode, program, refusals(program, missing))
            outcomes.append((mode.name, program.__name__, wrong))
    wrong = [outcome for outcome in outcomes if outcome[-1] is not None]
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("name", ["tf_convert", "control_status_ctx"])
def test_without_autograph_the_way_out_that_is_told(monkeypatch, name):
    if not modes.HAS_FUNCTIONS:
        pytest.skip("without tf.function nothing is converted")
    with without(monkeypatch, name) as ours:
        with pytest.raises(Exception) as raised:
            AUTOGRAPH.run(lambda differentiate, x: differentiate(ours.override_gradient(branching, times_ten), [x]), X)
        assert "tf.autograph.to_graph(forward)" in words_of(raised.value)
        f = ours.override_gradient(tf.autograph.to_graph(branching), times_ten)
        (found,) = AUTOGRAPH.run(lambda differentiate, x: differentiate(f, [x], [2.0])[1], X)
    assert np.array_equal(found, np.full_like(X, 20))


@pytest.mark.skipif(_tf.has_identity_n_op, reason="from 1.4 on there is an op that passes several tensors through")
def test_without_an_op_over_several_tensors_there_is_no_strategy(monkeypatch, graph):
    words = "no strategy can be had here: .*or a Defun before 1.4"
    with without(monkeypatch, "Defun") as ours, pytest.raises(ValueError, match=words):
        ours.override_gradient(lambda x: 3.0 * x, times_ten)(tf.constant(X))


def untraceable(x):
    return tf.nn.relu(x) * float(x.numpy()[0, 0] * 6.0)


def of_each_other(x):
    y = tf.nn.relu(x) * 3.0
    return y, tf.nn.relu(x) + y


@pytest.mark.skipif(not _tf.has_identity_n_op, reason="before 1.4 an override needs a private function")
def test_the_maps_of_a_graph_are_honored_without_any_private_name(monkeypatch, graph):
    modes.v1.RegisterGradient("LegacyWithoutPrivateNames")(times_ten)

    def f(x):
        with modes.v1.get_default_graph().gradient_override_map({"Relu": "LegacyWithoutPrivateNames"}):
            return tf.nn.relu(x) * 3.0

    with without(monkeypatch, ",".join(NAMES)) as ours:
        (found,) = modes.GRAPH.run(lambda differentiate, x: differentiate(ours.honor_override_maps(f), [x])[1], X)
    assert np.array_equal(found, np.full_like(X, 30))


@pytest.mark.skipif(not hasattr(tf, "autodiff"), reason="TensorFlow has op callbacks and forward mode from 2.1 on")
@pytest.mark.parametrize("forward", [untraceable, of_each_other])
def test_what_has_no_gradients_of_its_own_goes_op_by_op_without_what_tells_of_them(eager, monkeypatch, forward):
    with without(monkeypatch, "_eager_mode_decorator") as ours:
        f = ours.override_gradient(forward, {"Relu": times_ten})
        for _ in range(2):
            gradients = modes.EAGER.run(lambda differentiate, x: differentiate(f, [x], [2.0, 5.0])[1], X)
            assert np.array_equal(gradients, [np.full_like(X, 60 if forward is untraceable else 60 + 5 * 40)])


@pytest.mark.skipif(
    not _tf.traces_can_be_private, reason="this TensorFlow does not tell that it saves (2.4 brought it)"
)
def test_while_a_model_is_saved_functions_are_refused_without_the_options_that_it_is_saved_by(monkeypatch, tmp_path):
    with without(monkeypatch, "_save_context") as ours:
        f, _ = ops_in_a_function(ours.override_gradient)
        module = tf.Module()
        module.f = tf.function(f, autograph=False, input_signature=[tf.TensorSpec([2, 3], tf.float32)])
        with pytest.raises(Exception) as raised:
            tf.saved_model.save(module, str(tmp_path))
        assert IN_A_FUNCTION in words_of(raised.value)


@pytest.mark.skipif(not _tf.saves_gradients, reason="this TensorFlow writes no gradients of ops (2.6 brought it)")
def test_without_op_callbacks_the_gradient_of_an_op_of_two_inputs_is_not_saved(eager, monkeypatch, tmp_path):
    with without(monkeypatch, "context") as ours:
        module = tf.Module()
        f = ours.override_gradient(lambda x: x * tf.reverse(x, [0]), {"Mul": times_ten}, name="two inputs")
        module.f = tf.function(f, autograph=False, input_signature=[tf.TensorSpec([3], tf.float32)])
        with pytest.raises(ValueError, match="'two inputs': .* are not shaped as its inputs"), ours.strict_saving():
            tf.saved_model.save(module, str(tmp_path))
