"""Whether we execute eagerly, build a plain graph, or trace a function."""

from compat_grad._tf.lookup import first, tf, v1

# tf.executing_eagerly is public from 1.7; 1.5 and 1.6 ask the context; before 1.5 there is no eager mode.
executing_eagerly = (
    getattr(tf, "executing_eagerly", None) or first("tensorflow.python.eager.context.in_eager_mode") or (lambda: False)
)

get_default_graph = v1.get_default_graph
EAGER, GRAPH, FUNCTION = "eager", "graph", "function"


def current_mode():
    """Return whether we execute eagerly, build a plain graph, or trace a function."""
    if executing_eagerly():
        return EAGER
    return FUNCTION if is_function_graph(get_default_graph()) else GRAPH


def is_function_graph(graph):
    """Whether graph is the body of a function (FuncGraph, Defun) and not a plain tf.Graph."""
    return graph.building_function


# Both to 1.10 only; later ones build a backward in a graph of its own.
_FunctionCutInTwo = first("tensorflow.python.eager.function.GraphModeFunction")
_GraphCutInTwo = _FunctionCutInTwo and first("tensorflow.python.eager.function.CapturingGraph")


def backward_is_cut_out_of(graph):
    """Whether graph is the body of a function that its backward is cut out of: of eager mode, to 1.10.

    What is cut out may not wait for ops of forward, and 1.9 and 1.10 take what is listed after an op for no input of
    it. Nothing optimizes these functions.
    """
    return _GraphCutInTwo is not None and isinstance(graph, _GraphCutInTwo)
