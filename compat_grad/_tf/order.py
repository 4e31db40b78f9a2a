"""What reads variables in a graph, and control edges that TensorFlow's graph optimizer keeps.

Must know nothing of why somebody wants things in order.
"""

import contextlib

from compat_grad._tf.lookup import tf
from compat_grad._tf.modes import backward_is_cut_out_of, get_default_graph, is_function_graph
from compat_grad._tf.pass_through import method_that_creates_ops
from compat_grad._tf.registry import AttrValue
from compat_grad._tf.tensors import is_eager_tensor_type

_RESOURCE = 20  # of the numbers of dtypes, which never change
_FIRST_REFERENCE = 101
_SCALAR = tf.TensorShape([]).as_proto()
_PLAIN_READS = frozenset(("ReadVariableOp", "ResourceGather", "ResourceGatherNd"))


def uses_of_variables(operations, graph):
    """Return those of operations that are handed a variable (a function that is called with one, too).

    Only those that run whenever graph does at this place: an edge from a branch of TensorFlow 1's control flow that is
    not taken would take with it whatever waits.
    """
    context = graph._get_control_flow_context()
    return [
        op
        for op in operations
        if any(_is_variable(tensor) for tensor in op.inputs)
        and op.graph is graph
        and op._get_control_flow_context() is context
    ]


def _is_variable(tensor):
    number = tensor.dtype.as_datatype_enum
    return number == _RESOURCE or number >= _FIRST_REFERENCE


def operations_behind(tensors):
    """Return the operations that the symbolic ones of these tensors come from, of those that one may wait for."""
    symbolic = [tensor for tensor in tensors if not is_eager_tensor_type(type(tensor))]
    return [tensor.op for tensor in symbolic if not backward_is_cut_out_of(tensor.graph)]


def read_once_more(read):
    """Have what assigns the variable later wait for this read, whatever else it depends on; return whether it will.

    In a function it waits for both reads, by control edges that TensorFlow draws. The edge from the second one is the
    only way from there, so no optimizer takes it for superfluous; and the second read waits for the first. It costs
    nothing: without a consumer it is optimized away, edge by edge.
    """
    if read.type not in _PLAIN_READS or not is_function_graph(read.graph):
        return False
    with tf.control_dependencies([read]):
        _add(read.graph, read.type, list(read.inputs), [output.dtype for output in read.outputs], _attributes(read))
    return True


def _attributes(read):
    if read.type == "ReadVariableOp":  # quicker than by its NodeDef
        return {"dtype": AttrValue(type=read.outputs[0].dtype.as_datatype_enum)}
    given = read.node_def.attr
    return {name: given[name] for name in given if not name.startswith("_")}


def _add(graph, op_type, inputs, dtypes, attributes):
    return method_that_creates_ops(type(graph))(graph, op_type, inputs, dtypes, attrs=attributes)


@contextlib.contextmanager
def waiting_for(tensors):
    """Return a context in which the ops of a function wait for all these tensors, also once they are optimized.

    Of what does nothing, NoOps and identities are optimized away, edge by edge, and converters (TFLite) do not know
    ControlTrigger; a placeholder stays, because it might be fed.
    """
    graph = get_default_graph()
    # What a function is handed, or captures of the one around it, is there from the start (and 1.6 makes no function of
    # edges from the former, 2.4 takes no edge from the latter).
    symbolic = [one for one in tensors if not is_eager_tensor_type(type(one))]
    computed = [one for one in symbolic if one.graph is graph and one.op.type != "Placeholder"]
    if not computed or not is_function_graph(graph) or backward_is_cut_out_of(graph):
        yield
        return
    nothing = _nothing(graph)
    with tf.control_dependencies(computed):
        attributes = {"dtype": AttrValue(type=nothing.dtype.as_datatype_enum), "shape": AttrValue(shape=_SCALAR)}
        together = _add(graph, "PlaceholderWithDefault", [nothing], [nothing.dtype], attributes)
    with tf.control_dependencies([together]):
        yield


def _nothing(graph):
    """Return a constant of graph, the same one at each call."""
    known = getattr(graph, "_compat_grad_nothing", None)
    if known is None:
        with tf.control_dependencies(None):
            known = graph._compat_grad_nothing = tf.constant(False)
    return known
