"""Variables are read before they are assigned, in the graph that TensorFlow's optimizer leaves of a training step.

Nothing is run against the clock: where neither of a read and an assignment of one variable depends on the other, either
may come first.
"""

import importlib

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from tests import modes

X = np.arange(1, 17, dtype=np.float32).reshape(4, 4) / 16
_WRITES = ("Assign", "ResourceApply", "ResourceScatter", "ResourceSparseApply")
_READS = ("ReadVariableOp", "ResourceGather", "ResourceGatherNd")


def _optimized_graphs(function, x):
    """Return the graphs that the call function(x) runs, as GraphDefs."""
    context = importlib.import_module("tensorflow.python.eager.context")
    context.enable_graph_collection()
    try:
        function(x)
        return [graphs.post_optimization_graph for graphs in context.context().export_run_metadata().function_graphs]
    finally:
        context.disable_graph_collection()


class _Order:
    """What depends on what in an optimized graph."""

    def __init__(self, graph_def):
        self._inputs = {
            node.name: [source.lstrip("^").split(":")[0] for source in node.input] for node in graph_def.node
        }
        self._types = {node.name: node.op for node in graph_def.node}
        self._reads = [node.name for node in graph_def.node if node.op in _READS]
        self._writes = [
            node.name
            for node in graph_def.node
            if node.op.startswith(_WRITES) and node.op != "AssignVariableXlaConcatND"
        ]

    def pairs(self):
        """Return the reads and writes of one variable."""
        return [
            (read, write) for write in self._writes for read in self._reads if self._handle(read) == self._handle(write)
        ]

    def unordered(self):
        return [
            (read, write)
            for read, write in self.pairs()
            if read not in self.behind(write) and write not in self.behind(read)
        ]

    def _handle(self, name):
        source = self._inputs[name][0]
        while self._types[source] in ("Identity", "Switch", "Enter"):
            source = self._inputs[source][0]
        return source

    def behind(self, name):
        found, pending = set(), [name]
        while pending:
            new = set(self._inputs[pending.pop()]) - found
            found |= new
            pending.extend(new)
        return found


@pytest.fixture
def assert_in_order(functions):
    context = importlib.import_module("tensorflow.python.eager.context")
    if not hasattr(context, "enable_graph_collection"):
        pytest.skip("this TensorFlow does not show its optimized graphs (1.14)")

    def check(step):
        found = _orders(step)
        assert sum(len(order.pairs()) for order in found)
        assert [order.unordered() for order in found if order.unordered()] == []

    return check


def _orders(step):
    return [_Order(graph) for graph in _optimized_graphs(tf.function(step, autograph=False), tf.constant(X))]


def _training_step(layer, together=lambda gradients: tf.identity_n(gradients)):
    """Return a step of three layers whose gradients pass one op together, as those that replicas sum do."""
    weights = [tf.Variable(np.eye(4, dtype=np.float32) * 0.5 + 0.1) for _ in range(3)]

    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x
            for w in weights:
                y = layer(y, w)
            loss = tf.reduce_sum(tf.square(y))
        gradients = together([tf.convert_to_tensor(g) for g in tape.gradient(loss, [x] + weights)])
        for w, gradient in zip(weights, gradients[1:]):
            w.assign_sub(0.01 * gradient)
        return loss, tf.reduce_sum(gradients[0])

    return step


def _captured(of_variable=lambda op, dy: tf.matmul(op.inputs[0], dy, transpose_a=True), times=None):
    times = times or (lambda dy, w: tf.matmul(dy, w, transpose_b=True))

    def layer(x, w):
        def backward(op, dy, variables):
            return [times(dy, w)], [of_variable(op, dy)]

        return override_gradient(lambda x: tf.matmul(x, w), backward)(x)

    return layer


def _recomputed(x, w):
    def backward(op, dy, variables):
        with tf.GradientTape() as tape:
            tape.watch(op.inputs[0])
            y = tf.matmul(op.inputs[0], w)
        gradients = tape.gradient(y, [op.inputs[0], w], dy)
        return gradients[:1], gradients[1:]

    return override_gradient(lambda x: tf.matmul(x, w), backward)(x)


def _passed(x, w):
    return override_gradient(
        lambda x, w: 0.3 * tf.sign(x),
        lambda op, dy: [tf.matmul(dy, op.inputs[1]), tf.matmul(op.inputs[0], dy, transpose_a=True)],
    )(x, w)


def _trained_elsewhere(x, w):
    return tf.matmul(override_gradient(lambda x: 1.0 * x, lambda op, dy: tf.matmul(dy, w, transpose_b=True))(x), w)


def _op_level(x, w):
    def backward(op, dy):
        return tf.matmul(dy, w, transpose_b=True), tf.matmul(op.inputs[0], dy, transpose_a=True)

    return override_gradient(lambda x, w: tf.matmul(x, w), {"MatMul": backward})(x, w)


def _of_rows(op, dy):
    return tf.IndexedSlices(tf.matmul(op.inputs[0], dy, transpose_a=True), tf.range(4), tf.constant([4, 4]))


def _in_a_loop(dy, w):
    again = lambda i, d: (i + 1, tf.matmul(d, w, transpose_b=True))  # noqa: E731
    return tf.while_loop(lambda i, d: i < 1, again, [tf.constant(0), dy])[1]


def _in_a_branch(dy, w):
    return tf.cond(tf.reduce_sum(dy) > -1e9, lambda: tf.matmul(dy, w, transpose_b=True), lambda: dy)


class _InAFunction:
    """The product by a variable in a function that the steps share."""

    def __init__(self):
        self._functions = {}

    def __call__(self, dy, w):
        made = self._functions.setdefault(id(w), tf.function(lambda dy: tf.matmul(dy, w, transpose_b=True)))
        return made(dy)


def _by_tensorflow(times):
    """Return a layer whose backward is TensorFlow's own means."""

    def layer(x, w):
        @tf.custom_gradient
        def product(x):
            return tf.matmul(x, w), lambda dy, variables: (times(dy, w), [tf.matmul(x, dy, transpose_a=True)])

        return product(x)

    return layer


_LAYERS = {
    "captured": _captured(),
    "slices": _captured(of_variable=_of_rows),
    "gathered": _captured(times=lambda dy, w: dy * tf.gather(w, [0])),
    "in a loop": _captured(times=_in_a_loop),
    "in a branch": _captured(times=_in_a_branch),
    "in a function": _captured(times=_InAFunction()),
    "recomputed": _recomputed,
    "passed": _passed,
    "trained elsewhere": _trained_elsewhere,
    "op level": _op_level,
}


def _assignments_wait_for_reads(times):
    """Whether TensorFlow has an assignment wait for what times reads, where its optimizer has nothing to take apart."""
    step = _training_step(_by_tensorflow(times), together=list)
    return not any(order.unordered() for order in _orders(step))


@pytest.mark.parametrize("name", _LAYERS)
def test_what_backward_reads_is_read_before_it_is_assigned(assert_in_order, name):
    own = {"in a branch": _in_a_branch, "in a function": _InAFunction()}.get(name)
    if own and not _assignments_wait_for_reads(own):
        pytest.skip("an assignment does not wait for such reads of tf.custom_gradient's either (2.2, 2.3)")
    assert_in_order(_training_step(_LAYERS[name]))


def test_an_input_without_a_gradient_waits_for_nothing(assert_in_order):
    """There is nothing to wait with, and the variable is trained by somebody else."""

    def layer(x, w):
        f = override_gradient(lambda x, y: x + y, lambda op, dy: [tf.matmul(dy, w, transpose_b=True), None])
        return tf.matmul(f(x, tf.square(x)), w)

    assert_in_order(_training_step(layer))


def test_no_output_is_there_before_what_the_other_outputs_read(assert_in_order):
    mean, scale = tf.Variable(np.ones((4, 4), np.float32)), tf.Variable(np.ones((4, 4), np.float32))
    centred = override_gradient(lambda x, m: (2.0 * x - m, tf.reduce_mean(x, 0)), lambda op, dy, dm: [dy, None])

    def step(x):
        y, of_batch = centred(tf.matmul(x, scale), mean)
        mean.assign(tf.ones([4, 4]) * tf.square(of_batch))
        return tf.reduce_sum(tf.square(y))

    assert_in_order(step)


def test_a_plain_graph_reads_first_as_well(graph):
    """Nothing draws control edges there: the assignment waits for the gradient, and that for what backward reads."""
    x, w = tf.constant(X), modes.get_variable("w", np.eye(4, dtype=np.float32), resource=True)
    y = _captured()(x, w)
    of_forward = len(graph.get_operations())
    of_w = modes.v1.gradients(y, [w])[0]
    reads = {op.name for op in graph.get_operations()[of_forward:] if op.type in _READS}
    assert reads and reads <= _Order(graph.as_graph_def()).behind(of_w.op.name)


def test_a_gradient_of_slices_waits_as_well(graph):
    w = modes.get_variable("of_slices", np.float32(3.0), resource=True)

    def backward(op, dy):
        return tf.IndexedSlices(10.0 * dy * w, tf.constant([2, 0]), tf.constant([3]))

    x = tf.constant(X[0, :3])
    y = override_gradient(lambda x: tf.gather(x, [0, 2]), backward)(x)
    of_forward = len(graph.get_operations())
    gradient = modes.v1.gradients(y, [x])[0]
    assert isinstance(gradient, tf.IndexedSlices)
    reads = {op.name for op in graph.get_operations()[of_forward:] if op.type in _READS}
    assert reads and reads <= _Order(graph.as_graph_def()).behind(gradient.values.op.name)
    with modes.v1.Session() as session:
        session.run(modes.v1.global_variables_initializer())
        np.testing.assert_array_equal(session.run(tf.convert_to_tensor(gradient)), [30.0, 0.0, 30.0])
