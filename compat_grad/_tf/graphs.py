"""Plain graphs and the bodies of functions: what they keep alive, which lies in which, and where variables are."""

import threading

from compat_grad._tf.lookup import tf, v1
from compat_grad._tf.modes import is_function_graph
from compat_grad._tf.tensors import Tensor

trainable_variables_key = v1.GraphKeys.TRAINABLE_VARIABLES

_keeping = threading.Lock()


def keep_with(graph, thing):
    """Keep thing alive for as long as graph."""
    with _keeping:  # two threads may build in one graph
        kept = getattr(graph, "_compat_grad_kept", None)
        if kept is None:
            kept = graph._compat_grad_kept = set()
        kept.add(thing)


def outer_function_graphs(graph):
    """Yield graph and, while it is the body of a function, the graphs that it is being built in."""
    yield graph
    while is_function_graph(graph):
        graph = getattr(graph, "outer_graph", None)
        if graph is None or not is_function_graph(graph):
            return
        yield graph


def outermost_graph(graph):
    """Return the graph that is no function's body around graph (that of eager mode holds no variables)."""
    *_, last = outer_function_graphs(graph)
    return (getattr(last, "outer_graph", None) or last) if is_function_graph(last) else last


def captured_as(placeholder):
    """Return the tensor of an outer graph that a placeholder of a function's body stands for, in a list, or []."""
    captures = getattr(placeholder.graph, "captures", ())
    pairs = captures.items() if hasattr(captures, "items") else captures  # a dict up to 1.14
    return [outer for outer, inner in pairs if inner is placeholder]


_id_offset = []


def newest_operation_id(graph):
    """Return the ``_id`` of the operation that was added to graph last."""
    if not _id_offset:  # ids are the graph's version up to some 2.x, one more later
        probe = tf.Graph()
        with probe.as_default():
            _id_offset.append(tf.no_op()._id - probe.version)
    return graph.version + _id_offset[0]


def operations_since(graph, newest):
    """Return the operations that were added to graph after the one with that ``_id``."""
    operations = graph.get_operations()
    first = len(operations)
    while first and operations[first - 1]._id > newest:
        first -= 1
    return operations[first:]


def variable_op(variable):
    """Return the op behind a variable of a plain graph."""
    return variable.handle.op if hasattr(variable, "handle") else variable.op


def own_reads(variable):
    """Return the names of the tensors that TensorFlow itself reads a variable of a plain graph through."""
    kept = (getattr(variable, name, None) for name in ("_snapshot", "_graph_element", "_cached_value", "_variable"))
    return [tensor.name for tensor in kept if isinstance(tensor, Tensor)]
