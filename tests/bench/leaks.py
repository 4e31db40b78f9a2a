"""What is left of many graphs and traces: graphs alive, entries in TensorFlow's registry of gradients, bytes."""

import gc
import weakref

import numpy as np
import tensorflow as tf

from tests.bench import memory
from tests.bench.eager import new_tape
from tests.bench.figures import Figure
from tests.bench.problems import CHEAP
from tests.modes import v1

ALIVE, REGISTRY, RESIDENT = "graphs alive", "registry growth", "resident growth"
UNITS = {ALIVE: "graphs", REGISTRY: "entries", RESIDENT: "bytes"}
WARM_UP = 3


def of_graphs(effort):
    """Yield the figures of plain graphs, each built, differentiated and dropped."""
    return _figures("graphs", _graph, effort)


def of_traces(effort):
    """Yield the figures of traces of tf.function, each called and dropped."""
    return _figures("traces", _traced, effort)


def _figures(kind, once, effort):
    left = {name: _left_of(effort.graphs, once, name) for name in CHEAP[0].contest([]).contenders}
    for what, unit in UNITS.items():
        samples = {name: [each[what]] for name, each in left.items()}
        yield Figure(what, "{} {}".format(effort.graphs, kind), unit, samples)


def _left_of(times, once, name):
    for _ in range(WARM_UP):
        once(name)
    before, names = memory.resident() if memory.KNOWN else 0, _registered()
    graphs = [once(name) for _ in range(times)]
    after = memory.resident() if memory.KNOWN else gc.collect()  # either way what is garbage is gone
    return {
        ALIVE: sum(graph() is not None for graph in graphs),
        REGISTRY: _registered() - names,
        RESIDENT: after - before if memory.KNOWN else 0,
    }


def _graph(name):
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [])
        y = CHEAP[0].contest([x]).contenders[name](x)
        v1.gradients(y, [x])
        return weakref.ref(graph)


def _traced(name):
    graphs, f = [], CHEAP[0].contest([]).contenders[name]

    @tf.function
    def slope(x):
        graphs.append(weakref.ref(v1.get_default_graph()))
        with new_tape() as tape:
            tape.watch(x)
            y = f(x)
        return tape.gradient(y, x)

    slope(tf.constant(np.float32(0.5)))
    return graphs[0]


def _registered():
    from tensorflow.python.framework import ops

    return len((getattr(ops, "gradient_registry", None) or ops._gradient_registry).list())
