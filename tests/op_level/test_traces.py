"""What op-level overrides leave behind in the functions that forward calls, and in TensorFlow's registry: nothing."""

import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from compat_grad._tf import private_traces
from tests import modes
from tests.modes import assert_same_bits
from tests.op_level.test_gradients import _registry, first

X = np.array([[0.5, -1.25, 3.0], [1.5, 2.0, -7.5]], np.float32)
NEEDS_FUNCTIONS = pytest.mark.skipif(not hasattr(tf, "function"), reason="this TensorFlow has no tf.function")


def traced_function():
    """Return a tf.function that forward may call, and the list of (weak references to) its traces."""
    graphs = []

    def nested(x):
        graphs.append(weakref.ref(modes.v1.get_default_graph()))
        return tf.nn.relu(x) * 3.0

    return tf.function(nested, autograph=False), graphs


def times_ten(op, dy):
    return 10.0 * dy


@NEEDS_FUNCTIONS
def test_a_nested_function_keeps_no_trace_of_an_override_that_is_gone(mode):
    if mode.is_graph and private_traces._save_context is None:
        pytest.skip("before 2.4 a tf.function keeps each graph that called it, with all that it has")
    if mode is modes.TAPE_OUTSIDE and not modes.functions_with_a_tape_outside_are_collected():
        pytest.skip("this TensorFlow itself keeps a tf.function's graph that a tape has seen (1.14)")
    nested, graphs = traced_function()

    def once():
        with mode.scope():  # a graph of its own, which keeps the functions that it calls
            check(override_gradient(lambda x: nested(x) * 1.0, {"Relu": times_ten}))

    def check(f):
        if private_traces._save_context is None:  # before 2.4 no function has traces for one caller alone
            with pytest.raises(ValueError, match="(?s)the Relu op .* is inside the function"):
                first(mode, f, X)
        else:
            assert_same_bits(first(mode, f, X)[1], [np.full_like(X, 60)])

    with mode.scope():
        nested(tf.constant(X))  # its very first trace, TensorFlow keeps for other reasons
    once()
    del graphs[1:]
    names = set(_registry().list())
    for _ in range(4):
        once()
    gc.collect()
    gc.collect()  # what is garbage once the overrides are gone
    if private_traces._save_context is not None:
        assert len(graphs) == 5
        assert not [graph() for graph in graphs[1:] if graph() is not None]
    assert not [name for name in set(_registry().list()) - names if name.startswith("compat_grad")]


@NEEDS_FUNCTIONS
def test_a_nested_function_is_traced_once_for_an_override(mode):
    if private_traces._save_context is None:
        pytest.skip("before 2.4 no function has traces for one caller alone")
    nested, graphs = traced_function()
    f = override_gradient(lambda x: nested(x) * 1.0, {"Relu": times_ten})
    _, gradients = first(mode, lambda x: f(f(f(x))), X)
    assert_same_bits(gradients, [np.full_like(X, 2 * 30**3)])
    assert len(graphs) == 1


@NEEDS_FUNCTIONS
def test_a_graph_goes_on_with_the_traces_of_an_override_that_is_gone(functions):
    if private_traces._save_context is None:
        pytest.skip("before 2.4 no function has traces for one caller alone")
    nested, graphs = traced_function()
    overrides = [override_gradient(lambda x: nested(x) * 1.0, {"Relu": times_ten})]
    outer = tf.function(lambda x: overrides[0](x) * 2.0, autograph=False)
    outer(tf.constant(X))
    overrides.clear()
    gc.collect()
    assert_same_bits(first(modes.EAGER, outer, X)[1], [np.full_like(X, 2 * 60)])


def nothing_of_the_whole(graph):
    """Have graph refuse what costs as much as all that it holds."""

    def refuse(*args, **kwargs):
        raise AssertionError("a look at the whole graph")

    graph.as_graph_def = graph.get_operations = refuse


def branches_and_functions(x):
    y = tf.cond(tf.reduce_sum(tf.abs(x)) > 0.0, lambda: tf.nn.relu(x), lambda: x)
    if private_traces._save_context is not None:
        return tf.function(lambda x: tf.nn.relu(x) * 3.0, autograph=False)(y)
    return tf.nn.relu(y) * 3.0


def test_a_call_costs_what_it_builds_and_not_what_the_graph_holds(graph):
    f = override_gradient(branches_and_functions, {"Relu": times_ten})
    x = tf.constant(X)
    y = f(x)
    nothing_of_the_whole(graph)
    y = f(f(y))
    del graph.as_graph_def, graph.get_operations
    (dx,) = modes.v1.gradients(y, x)
    with modes.v1.Session() as session:
        assert_same_bits(session.run(dx), np.full_like(X, 300**3))


def test_so_does_a_call_that_captures_variables(graph):
    w = modes.get_variable("w", np.float32(2.0), resource=False)
    f = override_gradient(lambda x: x * w, lambda op, dy, variables=None: (dy * 5.0, [tf.reduce_sum(dy) * 7.0]))
    x = tf.constant(X)
    nothing_of_the_whole(graph)
    y = f(x)
    del graph.as_graph_def, graph.get_operations
    gradients = modes.v1.gradients(y, [x, w._ref() if hasattr(w, "_ref") else w])
    with modes.v1.Session() as session:
        session.run(modes.v1.global_variables_initializer())
        assert_same_bits(session.run(gradients), [np.full_like(X, 5), np.float32(7 * X.size)])


def test_functions_of_an_imported_graph_are_looked_into(graph):
    """No Python object stands for them: they are in the graph alone."""
    if not modes.HAS_FUNCTIONS:
        pytest.skip("tf.function in eager mode makes the function")
    nested = tf.function(lambda x: tf.nn.relu(x) * 3.0, autograph=False)
    with tf.Graph().as_default() as other:
        nested(modes.v1.placeholder(tf.float32, [2, 3], name="x"))
    definition = other.as_graph_def()

    def forward(x):
        tf.import_graph_def(definition, {"x:0": x}, name="imported")
        return tf.nn.relu(graph.get_operations()[-1].outputs[0])

    f = override_gradient(forward, {"Relu": times_ten})
    with pytest.raises(ValueError, match="(?s)the Relu op .* is inside the function"):
        f(tf.constant(X))
