"""`watching` tells of each op that ignores a map, and of no other."""

import inspect

import pytest
import tensorflow as tf

from compat_grad._tf.lookup import first
from compat_grad.legacy import watch
from compat_grad.legacy.entered import told_of_maps
from compat_grad.legacy.report import Report
from tests import modes
from tests.legacy.gradients import v1

NEEDS_TAPES_IN_FUNCTIONS = pytest.mark.skipif(
    not modes.HAS_FUNCTIONS, reason="this TensorFlow process has no tf.function in eager mode"
)


SHOWS_EXECUTED_FUNCTIONS = hasattr(first("tensorflow.python.eager.context.Context"), "get_function_def")  # from 2.4 on


def ignored_in(program):
    """Return the (line within program, op type, mode) of each `Ignored` that program() leads to."""
    found = []
    with watch.watching(found.append):
        program()
    first = program.__code__.co_firstlineno
    assert all(ignored.map.place[0] == inspect.getsourcefile(program) for ignored in found)
    return [(ignored.map.place[1] - first, ignored.op_type, ignored.mode) for ignored in found]


def test_a_graph_ignores_no_map(graph):
    def program():
        x = v1.placeholder(tf.float32, [2])
        with v1.get_default_graph().gradient_override_map({"Relu": "LegacyTimes100"}):
            y = tf.nn.relu(x)
        v1.gradients(y, x)

    assert ignored_in(program) == []


def test_a_map_on_a_type_that_was_renamed_is_ignored(graph):
    def program():
        x = v1.placeholder(tf.float32, [2])
        with v1.get_default_graph().gradient_override_map({"Add": "LegacyTimes100"}):
            x + x

    renamed = [(2, "AddV2", watch.RENAMED.format("AddV2"))]
    assert ignored_in(program) == (renamed if _plus() == "AddV2" else [])


def test_maps_in_maps_are_told_once_and_only_of_what_is_ignored_in_them(graph):
    report = Report()

    def program():
        x = v1.placeholder(tf.float32, [2])
        relu, floor = {"Relu": "LegacyTimes100"}, {"Floor": "LegacyTimes7"}
        with graph.gradient_override_map(relu), graph.gradient_override_map(floor):
            tf.nn.relu(tf.floor(x))
        with tf.Graph().as_default(), graph.gradient_override_map({"Relu": "LegacyTimes7"}):
            tf.nn.relu(tf.constant([1.5]))

    with watch.watching(report.ignored, report.left):
        program()
    assert report.lines()[0] == "TensorFlow ignored 1 of the 3 override maps that were entered:"
    places, rows = [line for line in report.lines()[1:-1] if line[:4] != "    "], report.lines()[2:-1]
    assert len(places) == 1 and places[0].endswith("gradient_override_map({'Relu': 'LegacyTimes7'})")
    assert rows == ["    Relu: ignored 1 time {}, none while a tape listened".format(watch.GRAPH)]


def _plus():
    with tf.Graph().as_default():
        return (tf.constant(1.0) + tf.constant(1.0)).op.type


def test_eager_mode_ignores_every_map(eager):
    if not watch._tf.tells_of_executed_ops:
        pytest.skip("this TensorFlow tells of no op in eager mode (to 1.6)")

    def program():
        g = v1.get_default_graph()
        with g.gradient_override_map({"Relu": "LegacyTimes100"}), g.gradient_override_map({"Floor": "LegacyTimes7"}):
            tf.nn.relu(tf.floor(tf.constant([1.5])))
        tf.nn.relu(tf.constant([1.5]))

    assert ignored_in(program) == [(2, "Floor", watch.EAGER), (2, "Relu", watch.EAGER)]


def test_a_python_function_is_no_op_in_eager_mode(eager):
    if not watch._tf.tells_of_python_functions:
        pytest.skip("this TensorFlow tells nobody of tf.py_func in eager mode (to 1.13)")

    def program():
        with v1.get_default_graph().gradient_override_map({"PyFunc": "LegacyTimes100"}):
            v1.py_func(lambda x: x + 1, [tf.constant([1.5])], tf.float32)

    assert ignored_in(program) == [(1, "PyFunc", watch.EAGER)]


@NEEDS_TAPES_IN_FUNCTIONS
def test_a_tape_in_a_function_ignores_a_map_that_one_around_it_sees():
    x = tf.Variable([1.5])

    def layer():
        with v1.get_default_graph().gradient_override_map({"Relu": "LegacyTimes100"}):
            return tf.nn.relu(x)

    def around():
        with tf.GradientTape() as tape:
            y = tf.function(layer, autograph=False)()
        tape.gradient(y, x)

    @tf.function(autograph=False)
    def inside():
        with tf.GradientTape() as tape:
            y = layer()
        return tape.gradient(y, x)

    found = []
    with watch.watching(found.append):
        around()
    assert found == []
    with watch.watching(found.append):
        inside()
    assert [(ignored.op_type, ignored.mode) for ignored in found] == [("Relu", watch.TAPE)]


@NEEDS_TAPES_IN_FUNCTIONS
def test_loops_and_functions_are_not_reached_by_a_map_around_them():
    double = tf.function(lambda x: tf.nn.relu(x) * 2.0)

    @tf.function
    def loop(x):
        with v1.get_default_graph().gradient_override_map({"Relu": "LegacyTimes100"}):
            for _ in tf.range(2):
                x = tf.nn.relu(x)
        return x

    @tf.function
    def call(x):
        with v1.get_default_graph().gradient_override_map({"Relu": "LegacyTimes100"}):
            return double(x)

    double(tf.constant([1.5]))  # traced before the map
    found = []
    with watch.watching(found.append):
        loop(tf.constant([1.5]))
    assert {(ignored.op_type, ignored.mode) for ignored in found} == {("Relu", watch.BODY)}
    assert {ignored.map.place[0] for ignored in found} == {__file__}  # not AutoGraph's copy
    del found[:]
    with watch.watching(found.append):
        call(tf.constant([1.5]))
    assert {(ignored.op_type, ignored.mode) for ignored in found} == {("Relu", watch.FUNCTION)}


@NEEDS_TAPES_IN_FUNCTIONS
@pytest.mark.parametrize("is_of_a_function", [False, True])
def test_what_is_called_in_eager_mode_is_looked_into(is_of_a_function):
    """Also under a map on the graph of a function, to which eager mode adds nothing."""
    double = tf.function(lambda x: tf.nn.relu(x) * 2.0)
    double(tf.constant([1.5]))  # traced before the map
    of_double = double.get_concrete_function(tf.TensorSpec([1], tf.float32)).graph
    graph = of_double if is_of_a_function else v1.get_default_graph()

    def program():
        with graph.gradient_override_map({"Relu": "LegacyTimes7"}):
            double(tf.constant([1.5]))
            tf.nn.relu(tf.floor(tf.floor(tf.constant([1.5]))))

    inside = [(1, "Relu", watch.FUNCTION)] if SHOWS_EXECUTED_FUNCTIONS else []
    assert ignored_in(program) == inside + [(1, "Relu", watch.EAGER)]


def test_what_is_left_tells_which_types_it_was_for(graph):
    left = []
    names = {"Relu": "LegacyTimes100", "Matmul": "LegacyTimes7"}
    with watch.watching(lambda ignored: None, left.append), graph.gradient_override_map(names):
        tf.nn.relu(tf.constant([1.5]))
    assert [entered.used for entered in left] == [{"Relu"}]


def test_nothing_is_left_of_it():
    before = tf.Graph.gradient_override_map, getattr(getattr(tf, "GradientTape", None), "_push_tape", None)
    with watch.watching(lambda ignored: None):
        assert tf.Graph.gradient_override_map is not before[0]
    assert before == (
        tf.Graph.gradient_override_map,
        getattr(getattr(tf, "GradientTape", None), "_push_tape", None),
    )


@NEEDS_TAPES_IN_FUNCTIONS
def test_maps_that_tensorflow_calls_functions_under_are_none_of_the_programs():
    """It does from 1.13 to 2.1."""
    inner, told = tf.function(lambda x: 2.0 * x), []
    with told_of_maps(told.append):
        modes.by_tape(tf.function(lambda x: 3.0 * inner(x)), [tf.constant(1.0)])
    assert told == []
