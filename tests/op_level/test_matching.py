"""Which ops an op type of an override finds, what is said where it finds none, and that each gradient is checked."""

import sys
import threading

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import _tf, override_gradient
from tests import modes
from tests.modes import assert_same_bits
from tests.op_level.test_gradients import first, registered

X = np.array([[0.5, -1.25, 3.0], [1.5, 2.0, -7.5]], np.float32)


def times_ten(op, dy):
    return 10.0 * dy


def times_seven(op, dy):
    return 7.0 * dy


# --- what is overridden already, and what occurs nowhere ---------------------------------------------------------


def test_where_all_ops_have_another_override_s_gradient_it_is_named(mode):
    if modes.BEHAVIOUR == "eager" and not modes.HAS_FUNCTIONS:
        pytest.skip("this TensorFlow's functions lose the gradients of functions inside (to 1.13)")
    inner = override_gradient(tf.nn.relu, {"Relu": times_seven}, name="inner")
    outer = override_gradient(lambda x: inner(x) * 1.0, {"Relu": times_ten}, name="outer")
    for _ in range(2):
        with pytest.raises(ValueError, match="'outer': every Relu op .* of override_gradient 'inner'.*on_unused"):
            first(mode, outer, X)


def test_where_all_ops_have_a_gradient_by_name_it_is_named(graph):
    def forward(x):
        with graph.gradient_override_map({"Relu": "TestMatchingOfForward"}):
            return tf.nn.relu(x)

    with pytest.raises(ValueError, match="every Relu op .* the name 'TestMatchingOfForward'"):
        override_gradient(forward, {"Relu": times_ten})(tf.constant(X))


def test_no_hint_names_a_type_that_is_mapped_already(mode):
    f = override_gradient(tf.nn.relu, {"Relu": times_ten, "Relu6": times_seven})
    with pytest.raises(ValueError, match="no op of the type 'Relu6'") as raised:
        first(mode, f, X)
    assert "did you mean" not in str(raised.value)


def test_types_that_occur_nowhere_may_be_ignored(mode):
    table = {"Relu": times_ten, "Elu": times_seven, "Softmax": times_seven, "Identity_typed_wrong": times_seven}
    f = override_gradient(tf.nn.relu, table, on_unused="ignore")
    none = override_gradient(lambda x: x * 3.0, table, on_unused="ignore")
    for _ in range(2):
        assert_same_bits(first(mode, f, X)[1], [np.full_like(X, 20)])
        assert_same_bits(first(mode, none, X)[1], [np.full_like(X, 6)])


def test_what_is_out_of_reach_is_never_ignored(functions):
    nested = tf.function(lambda x: tf.nn.relu(x) * 3.0, autograph=False)
    concrete = nested.get_concrete_function(tf.TensorSpec([2, 3], tf.float32))
    f = override_gradient(lambda x: concrete(x), {"Relu": times_ten}, on_unused="ignore")
    with pytest.raises(ValueError, match="(?s)the Relu op .* is inside the function"):
        f(tf.constant(X))


@pytest.mark.parametrize(
    "backward, on_unused, words",
    [({"Relu": times_ten}, "warn", "on_unused must be 'error' or 'ignore', got 'warn'"), (times_ten, "ignore", "maps")],
)
def test_on_unused_is_checked(backward, on_unused, words):
    with pytest.raises(ValueError, match="'relu': .*" + words):
        override_gradient(tf.nn.relu, backward, on_unused=on_unused)


@pytest.mark.parametrize("op_type", ["PartitionedCall", "StatefulPartitionedCall"])
def test_the_call_of_a_function_is_refused_with_the_way_out(op_type):
    with pytest.raises(ValueError, match="'relu': .*" + op_type + ".*Map the op types in it"):
        override_gradient(tf.nn.relu, {op_type: times_ten})


def test_so_is_a_function_by_its_own_name(graph):
    if not hasattr(modes.v1, "Session") or modes.IS_TF2:
        pytest.skip("only TensorFlow 1 has functions that are ops of their own type")
    from tensorflow.python.framework.function import Defun

    @Defun(tf.float32, func_name="test_matching_function")
    def called(x):
        return x * 3.0

    f = override_gradient(lambda x: called(x) * 1.0, {"test_matching_function": times_ten})
    with pytest.raises(ValueError, match="'test_matching_function' is a function"):
        f(tf.constant(X))


# --- gradients ---------------------------------------------------------------------------------------------------


class Rules:
    def __init__(self, factor):
        self.factor = factor

    def gradient(self, op, dy):
        return [self.factor * dy, self.factor * dy]


def test_bound_methods_are_the_same_gradient_where_they_are_equal(mode):
    rules, others = Rules(10.0), Rules(7.0)
    f = override_gradient(lambda x: x + x, {"Add": rules.gradient, "AddV2": rules.gradient})
    assert_same_bits(first(mode, f, X)[1], [np.full_like(X, 40)])
    f = override_gradient(lambda x: x + x, {"Add": rules.gradient, "AddV2": rules.gradient, "Mul": others.gradient})
    with pytest.raises(ValueError, match="no op of the type 'Mul'"):
        first(mode, lambda x: f(x), X)


def _misbehaves(name, gradient):
    if name not in registered:
        registered.add(name)
        modes.v1.RegisterGradient(name)(gradient)
    return name


WRONG = {
    "TestMatchingDtype": (lambda op, dy: tf.cast(dy, tf.float64), "returned a gradient of dtype float64 .* float32"),
    "TestMatchingShape": (lambda op, dy: tf.reduce_sum(dy), "returned a gradient of shape"),
    "TestMatchingCount": (lambda op, dy: [dy, dy], "returned 2 gradients"),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_a_gradient_by_name_is_checked_like_any_other(mode, name):
    gradient, words = WRONG[name]
    f = override_gradient(lambda x: tf.nn.relu(x), {"Relu": _misbehaves(name, gradient)}, name="mine")
    with pytest.raises(ValueError, match="'mine': backward " + words):
        first(mode, f, X)


# --- outputs made of each other, where forward cannot go op by op ----------------------------------------------


def test_without_op_callbacks_outputs_made_of_each_other_are_refused_and_never_none(eager):
    if _tf.has_op_callbacks:
        pytest.skip("this TensorFlow has op callbacks")

    def pair(x):
        features = tf.nn.relu(x)
        calls.append(None)
        return features, tf.nn.relu(features * 2.0)

    calls, f = [], override_gradient(pair, {"Relu": times_ten}, name="pair")
    g = override_gradient(pair, {"Relu": times_ten}, name="pair")
    for _ in range(2):
        assert_same_bits(modes.to_arrays(f(tf.constant(X))[0]), np.maximum(X, 0))  # nobody can ask for a gradient
        for function in (f, g):  # f was traced without a tape
            with pytest.raises(ValueError, match="'pair': a tape sees forward as one op .* made of another"):
                first(modes.EAGER, lambda x, function=function: function(x)[1], X)
    assert len(calls) == 2


# --- threads -----------------------------------------------------------------------------------------------------


def test_ops_that_a_thread_of_forward_s_own_builds_are_refused(graph):
    def forward(x):
        built = []

        def build():
            with graph.as_default():
                built.append(tf.nn.relu(x))

        thread = threading.Thread(target=build)
        thread.start()
        thread.join()
        return built[0] * 1.0

    f = override_gradient(forward, {"Relu": times_ten}, name="net")
    with pytest.raises(ValueError, match="'net': none of the Relu ops .* or forward has threads of its own build"):
        f(tf.constant(X))


@pytest.mark.parametrize("shared", [True, False])
def test_threads_that_build_in_one_graph_each_get_their_own(graph_of_threads, shared):
    """With hand-overs forced between any two lines, so that the operations of several calls are all mixed up."""

    def override(factor):
        return override_gradient(
            lambda x: tf.nn.relu(x) + tf.abs(x) * 0.0 + tf.nn.relu(x), {"Relu": lambda op, dy: factor * dy}
        )

    x, made, errors = tf.constant(X), {}, []
    one = override(10.0)

    def build(number):
        with graph_of_threads.as_default():
            for step in range(12):
                try:
                    made[number, step] = (one if shared else override(float(number)))(x)
                except Exception as error:
                    errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=build, args=(number,)) for number in range(1, 6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not errors
    gradients = {key: modes.v1.gradients(y, x)[0] for key, y in made.items()}
    assert len(gradients) == 60
    with modes.v1.Session() as session:
        found = session.run(gradients)
    for (number, _), gradient in found.items():
        assert_same_bits(gradient, np.full_like(X, 20 if shared else 2 * number))


def test_threads_that_build_within_a_map_of_the_callers_each_get_their_own(graph_of_threads):
    """A map is state of the graph that it was entered on."""
    name = "TestMatchingMapOfThreads"
    if name not in registered:
        registered.add(name)
        tf.RegisterGradient(name)(lambda op, dy: -dy)
    f = override_gradient(lambda x: (meet.wait(), tf.nn.relu(x), meet.wait())[1], {"Relu": lambda op, dy: 7.0 * dy})
    meet, made, errors, x = threading.Barrier(2, timeout=60), {}, [], tf.constant(X)

    def build(which, function):
        try:
            with graph_of_threads.as_default():
                made[which] = function(x)
        except Exception as error:
            errors.append(error)

    def mapped_by_the_caller(x):
        meet.wait()  # the other thread is in its override
        y = tf.nn.relu(x)
        meet.wait()
        return y

    with graph_of_threads.gradient_override_map({"Relu": name}):
        threads = [
            threading.Thread(target=build, args=("ours", f)),
            threading.Thread(target=build, args=("caller's", mapped_by_the_caller)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        after = tf.nn.relu(x)
    assert not errors
    gradients = {which: modes.v1.gradients(y, x)[0] for which, y in dict(made, after=after).items()}
    with modes.v1.Session() as session:
        found = session.run(gradients)
    assert_same_bits(found["ours"], np.full_like(X, 7.0))
    assert_same_bits(found["caller's"], np.full_like(X, -1.0))
    assert_same_bits(found["after"], np.full_like(X, -1.0))


def _scaled(scale):
    """The value relu(x) with the gradient scale; each under one name."""
    return override_gradient(lambda x: tf.nn.relu(x), {"Relu": lambda op, dy: dy * scale}, name="shares_its_name")


def test_a_graph_of_another_process_is_refused_where_two_overrides_claim_its_gradient(graph):
    if modes.graphs_are_eager():
        pytest.skip("what eager mode is enabled for has no graphs here")
    first = _scaled(100.0)
    y = first(tf.constant(2.0, name="x"))
    definition = y.graph.as_graph_def()

    def imported_gradient():
        x, copy = tf.import_graph_def(definition, return_elements=["x:0", y.name], name="")
        return modes.v1.gradients(copy, x)[0]

    with tf.Graph().as_default():
        alone = imported_gradient()
        with modes.v1.Session() as session:
            assert session.run(alone) == 100.0
    second = _scaled(7.0)
    refused = pytest.raises(LookupError, match=r"'shares_its_name'.*2 overrides of this name.*name=\.\.\.")
    with tf.Graph().as_default(), refused:
        imported_gradient()
    (own,) = modes.v1.gradients(second(y), [y])  # what is built here is never taken for another's
    with modes.v1.Session() as session:
        assert session.run([own, modes.v1.gradients(y, list(y.op.inputs))[0]]) == [7.0, 100.0]
