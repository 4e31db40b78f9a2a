"""Nothing is left behind: graphs are collected, no registry grows, tapes hold inputs and outputs only."""

import ctypes
import gc
import resource
import sys
import weakref

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from compat_grad.strategies import graph as graph_strategy
from tests import modes

X = np.array([0.5, -1.25, 3.0], np.float32)


@override_gradient(backward=lambda op, dy: dy * 10.0 * op.inputs[0])
def tenfold(x):
    """The value 2x with the gradient 10x."""
    return 2.0 * x


def _gradient_names():
    from tensorflow.python.framework import ops

    registry = getattr(ops, "gradient_registry", None) or ops._gradient_registry
    return set(registry.list())


def test_graphs_are_collected_and_no_registry_grows(mode):
    if not mode.is_graph and not modes.HAS_FUNCTIONS:
        return _eager_leaves_no_calls_behind()
    if mode is modes.TAPE_OUTSIDE and not modes.functions_with_a_tape_outside_are_collected():
        pytest.skip("this TensorFlow itself keeps the graph of a tf.function that a tape has seen (1.14)")
    graphs = []

    def program(differentiate, x):
        def f(x):
            graphs.append(weakref.ref(modes.v1.get_default_graph()))
            local = override_gradient(lambda x, s: s * x, lambda op, dy: dy * 10.0 * op.inputs[0])
            return tenfold(x) + local(x, 3.0) + override_gradient(tf.sign, surrogate=lambda x: 2.0 * x)(x)

        return list(differentiate(f, [x]))

    def once():
        if mode.is_graph:
            with tf.Graph().as_default():
                return mode.run(program, X)
        return mode.run(program, X)

    once()
    gc.collect()
    names, calls = _gradient_names(), len(graph_strategy._live_calls)
    del graphs[:]
    for _ in range(5):
        once()
    gc.collect()
    assert len(graphs) >= 5
    own = modes.HAS_EAGER and modes.v1.get_default_graph()  # eager mode's global graph lives on
    alive = [ref() for ref in graphs if ref() is not None and ref() is not own]
    assert not alive, "{} of {} graphs are still alive".format(len(alive), len(graphs))
    assert _gradient_names() == names
    assert len(graph_strategy._live_calls) <= calls  # those of earlier tests may go meanwhile


def _eager_leaves_no_calls_behind():
    def once():
        modes.EAGER.run(lambda differentiate, x: list(differentiate(tenfold, [x])), X)

    once()
    before = _gradient_names()
    once()
    assert _gradient_names() == before


def test_one_op_is_added_per_call(mode):
    """And a read for each passed variable, which the call without an override has as well."""
    counted = []

    def program(differentiate, x):
        graph = modes.v1.get_default_graph()

        def count(f):
            before = len(graph.get_operations())
            y = f(x)
            counted.append(len(graph.get_operations()) - before)
            return y

        plain = count(lambda x: 2.0 * x)
        return [plain, count(tenfold)]

    if mode not in (modes.GRAPH, modes.TAPE_INSIDE, modes.GRADIENTS_INSIDE):
        return
    mode.run(program, X)
    assert counted[1] == counted[0] + 1


on_linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="resident memory is read as Linux with the GNU C library tells it"
)


def _held_by_a_tape(f):
    """Return how many MB a call of f under a tape holds on to, the least of three, and the gradient's first element."""
    held, gradients = zip(*[_held_once(f) for _ in range(3)])
    assert len(set(gradients)) == 1
    return min(held), gradients[0]


def _held_once(f):
    x = tf.ones([2000000])  # 8 MB
    gc.collect()
    before = _resident()
    with modes._gradient_tape()() as tape:
        tape.watch(x)
        y = f(x)
    gc.collect()
    held = _resident() - before
    return held, tape.gradient(y, [x])[0].numpy()[0]


def _resident():
    ctypes.CDLL(None).malloc_trim(0)  # what has been freed counts as gone
    with open("/proc/self/statm") as status:
        return int(status.read().split()[1]) * resource.getpagesize() / 2.0**20


def _twenty_operations(x, weight=1.0):
    for _ in range(20):
        x = tf.tanh(x * weight)
    return x


@on_linux
def test_an_eager_tape_holds_inputs_and_outputs_only(eager):
    """Twenty operations on 8 MB: the native tape holds each result, ours the output alone."""
    native, _ = _held_by_a_tape(_twenty_operations)
    assert native > 100
    for f, gradient in (
        (override_gradient(_twenty_operations, lambda op, dy: 3.0 * dy), 3.0),
        (override_gradient(_twenty_operations, lambda op, dy, variables=None: 3.0 * dy), 3.0),
        (override_gradient(_twenty_operations, surrogate=lambda x: 3.0 * x), 3.0),
    ):
        held, found = _held_by_a_tape(f)
        assert found == gradient
        assert held < native / 4, "{:.0f} MB, natively {:.0f} MB".format(held, native)


@on_linux
def test_a_tape_keeps_nothing_that_forward_computes_from_its_variables(eager):
    weight = modes.variable(tf.ones([2000000]))
    f = override_gradient(
        lambda x: _twenty_operations(x, weight), lambda op, dy, variables=None: (5.0 * dy, [7.0 * dy])
    )
    native, _ = _held_by_a_tape(lambda x: _twenty_operations(x, weight))
    held, found = _held_by_a_tape(f)
    assert found == 5.0
    assert held < native / 4, "{:.0f} MB, natively {:.0f} MB".format(held, native)
