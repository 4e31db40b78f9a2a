"""Plain graphs and the bodies of functions: what they keep alive, which lies in which, and where variables are."""

from compat_grad._tf.lookup import first, tf, v1
from compat_grad._tf.modes import is_function_graph
from compat_grad._tf.tensors import Tensor
from compat_grad._tf.threads import Lock

trainable_variables_key = v1.GraphKeys.TRAINABLE_VARIABLES

_keeping = Lock()


def keep_with(graph, thing):
    """Keep thing alive for as long as graph, and as what is cut out of graph: ``wrap_function(...).prune(...)``."""
    with _keeping:  # two threads may build in one graph
        for keeper in [graph, *_shared_with_cuts(graph)]:
            kept = getattr(keeper, "_compat_grad_kept", None)
            if kept is None:
                kept = keeper._compat_grad_kept = set()
            kept.add(thing)


def keeps(graph, thing):
    """Whether thing is kept alive by graph, or by one that it is being built in."""
    return any(thing in getattr(one, "_compat_grad_kept", ()) for one in graphs_around(graph))


_VariableHolder = first("tensorflow.python.eager.wrap_function.VariableHolder")


def _shared_with_cuts(graph):
    """Return what a function that wrap_function traces into graph shares with the copies that are pruned from it.

    Those have the ops with their attributes, and keep neither graph nor what it keeps.
    """
    if _VariableHolder is None:
        return []
    creators = [getattr(creator, "__self__", None) for _, creator in getattr(graph, "_variable_creator_stack", ())]
    return [holder for holder in creators if isinstance(holder, _VariableHolder)]


def outer_function_graphs(graph):
    """Yield graph and, while it is the body of a function, the graphs that it is being built in."""
    yield graph
    while is_function_graph(graph):
        graph = getattr(graph, "outer_graph", None)
        if graph is None or not is_function_graph(graph):
            return
        yield graph


def graphs_around(graph):
    """Yield graph and, while it is the body of a function, those that it is being built in, to the plain one."""
    while graph is not None:
        yield graph
        graph = getattr(graph, "outer_graph", None) if is_function_graph(graph) else None


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


def extent(graph):
    """Return how far graph has been built, for `operations_since`; costs nothing, however large the graph is."""
    live = _live_operations(graph)
    if live is not None:
        return len(live)
    return newest_operation_id(graph) if _by_id(graph) is not None else len(graph.get_operations())


def operations_since(graph, start):
    """Return the operations that were added to graph after `extent` said start; costs what they are.

    The ids alone would not do: another thread that builds in this graph may add an operation with a lower id later.
    """
    live = _live_operations(graph)
    if live is not None:
        return live[start:]
    by_id = _by_id(graph)
    if by_id is None:  # pragma: no cover (a TensorFlow that hides it)
        return graph.get_operations()[start:]
    return [by_id[number] for number in range(start + 1, newest_operation_id(graph) + 1) if number in by_id]


def _live_operations(graph):
    operations = getattr(graph, "operations", None)  # some 2.x on: the list itself
    return operations if isinstance(operations, list) else None


def _by_id(graph):
    by_id = getattr(graph, "_nodes_by_id", None)  # before; later ones make a copy
    return by_id if isinstance(by_id, dict) else None


def list_last(op):
    """List an op that nothing uses yet after all that its graph has by now; only where the graph keeps such a list."""
    by_id = _by_id(op.graph)
    by_id[op._id] = by_id.pop(op._id)


def variable_op(variable):
    """Return the op behind a variable of a plain graph."""
    return variable.handle.op if hasattr(variable, "handle") else variable.op


def own_reads(variable):
    """Return the names of the tensors that TensorFlow itself reads a variable of a plain graph through."""
    kept = (getattr(variable, name, None) for name in ("_snapshot", "_graph_element", "_cached_value", "_variable"))
    return [tensor.name for tensor in kept if isinstance(tensor, Tensor)]


def variable_read_by(tensor):
    """Return the variable of its graph's collections whose value tensor is, or None."""
    op = tensor.op
    while op.type in ("Identity", "ReadVariableOp") and op.inputs:
        op = op.inputs[0].op
    for key in (v1.GraphKeys.TRAINABLE_VARIABLES, v1.GraphKeys.GLOBAL_VARIABLES):
        for variable in tensor.graph.get_collection(key):
            if variable_op(variable) is op:
                return variable
    return None
