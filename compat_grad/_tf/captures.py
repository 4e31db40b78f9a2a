"""What the gradients of loops and branches capture from eager mode.

TensorFlow builds them as bodies of loops and branches, and takes what these capture to come from the graph around
(2.1 ... 2.22). A variable or tensor of eager mode is captured past all graphs, and the gradient fails deep inside, as
"Tensor.graph is undefined" or "is in list of internal_captures but not in internal_capture_to_output".
Must know nothing of what reads there.
"""

import functools
import weakref

from compat_grad._tf.functions import is_control_flow_body
from compat_grad._tf.graphs import outer_function_graphs
from compat_grad._tf.lookup import first
from compat_grad._tf.modes import get_default_graph, is_function_graph
from compat_grad._tf.tensors import is_eager_tensor_type

_default_graphs = first("tensorflow.python.framework.ops._default_graph_stack")


def have_captured_from_around():
    """Have the gradients of loops and branches that this thread builds capture what is eager as any other tensor.

    They capture it when a function in them has been built, too, which is long after who asks for it is done.
    """
    for graph in _being_built():
        if is_control_flow_body(graph) and hasattr(graph, "_forward_graph"):
            graph.capture = functools.partial(_capture_from_around, weakref.ref(graph))


def _being_built():
    graphs = getattr(_default_graphs, "stack", None)  # a function in a gradient lies in the function of its forward
    return list(outer_function_graphs(get_default_graph())) if graphs is None else graphs


def _capture_from_around(graph, tensor, *args, **kwargs):
    graph = graph()
    around = graph.outer_graph
    if is_eager_tensor_type(type(tensor)) and is_function_graph(around):
        with around.as_default():  # where a small one becomes a constant
            tensor = _as_forward_has_it(around.capture(tensor), graph._forward_graph)
    return type(graph).capture(graph, tensor, *args, **kwargs)


def _as_forward_has_it(tensor, forward):
    """Return what stands for tensor in the body whose gradient is built, if it has captured tensor.

    By which TensorFlow knows it: of two inputs of a branch that are the same tensor outside it feeds one only.
    """
    return next((inside for outside, inside in forward.captures if outside is tensor), tensor)
