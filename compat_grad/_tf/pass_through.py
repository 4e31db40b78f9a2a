"""The pass-through op of graphs: one op over several tensors that names its own gradient.

IdentityN from 1.4 on; before, the call of a function. Knows nothing of what the gradient is.
"""

import functools
import inspect

from compat_grad._tf.early import IdentityFunctions
from compat_grad._tf.graphs import list_last
from compat_grad._tf.lookup import first
from compat_grad._tf.modes import backward_is_cut_out_of, get_default_graph
from compat_grad._tf.override_maps import enter_override_map
from compat_grad._tf.registry import AttrValue, registered_gradient, text
from compat_grad._tf.tapes import stop_recording
from compat_grad._tf.tensors import flowing

_GRADIENT = "_gradient_op_type"
_TYPE_LISTS = {}  # a few dtype tuples in a whole program


def _type_list(dtypes):
    known = _TYPE_LISTS.get(dtypes)
    if known is None:
        enums = [dtype.as_datatype_enum for dtype in dtypes]
        known = _TYPE_LISTS[dtypes] = AttrValue(list=AttrValue.ListValue(type=enums))
    return known


def add_identity_n(tensors, name, attributes):
    """Add one IdentityN op over tensors, with these attributes, to the default graph; return the op.

    A ``_gradient_op_type`` among the attributes is what ``Graph.gradient_override_map`` would have written. That
    map is state of the graph, so a second thread building in the same graph would get the override too; the
    public ``Graph.create_op`` gives the attribute to this op alone, in every version.
    """
    tensors, dtypes = list(tensors), [tensor.dtype.base_dtype for tensor in tensors]
    if not has_identity_n_op:
        return _identity_functions.add_op(tensors, tuple(dtypes), name, attributes)
    attrs = {"T": _type_list(tuple(dtypes))}
    attrs.update(attributes)
    graph = get_default_graph()
    if "IdentityN" in getattr(graph, "_gradient_override_map", ()) and _GRADIENT in attributes:
        # A map that the caller has set for this very op would overwrite the attribute: set ours inside it.
        with enter_override_map(graph, {"IdentityN": text(attributes[_GRADIENT].s)}):
            return _create_identity_n(graph, tensors, dtypes, name, attrs)
    return _create_identity_n(graph, tensors, dtypes, name, attrs)


def detach_inputs(op):
    """Lead the inputs of an op that was built just now through ops that no tape knows.

    A tape records an op of a graph after it was built, by the inputs that it has then: of this one it will record
    nothing, and a forward-mode accumulator push no tangent. tf.gradients finds its way back as before.
    """
    tensors = list(op.inputs)
    positions = flowing(tensors)
    if not positions:
        return
    # A map of the user's for this very op type must not hold for it.
    mapped = "IdentityN" in getattr(get_default_graph(), "_gradient_override_map", ())
    attributes = {_GRADIENT: AttrValue(s=b"IdentityN")} if mapped else {}
    with stop_recording():
        passed = add_identity_n([tensors[position] for position in positions], "detached", attributes)
    for position, tensor in zip(positions, passed.outputs):
        op._update_input(position, tensor)
    if backward_is_cut_out_of(op.graph):
        list_last(op)


# 1.5 does not look up that the op takes a list, which it must know in functions.
_registered_ops = first("tensorflow.python.framework.op_def_registry.get_registered_ops")
_identity_n_def = _registered_ops and _registered_ops().get("IdentityN")


def _create_identity_n(graph, tensors, dtypes, name, attrs):
    return method_that_creates_ops(type(graph))(
        graph, "IdentityN", tensors, dtypes, name=name, attrs=attrs, op_def=_identity_n_def
    )


@functools.lru_cache(maxsize=None)
def method_that_creates_ops(graph_type):
    """Return the public method itself: from 1.15 on, a check for deprecated arguments inspects it at each call.

    In the body of a Defun, the one that it calls: on 2.1 it does so with too many arguments.
    """
    if DefunBody is not None and issubclass(graph_type, DefunBody) and hasattr(graph_type, "_create_op_internal"):
        return graph_type._create_op_internal
    return inspect.unwrap(graph_type.create_op)


has_identity_n_op = (
    first(
        "tensorflow.python.ops.gen_array_ops.identity_n",
        "tensorflow.python.ops.gen_array_ops._identity_n",
        "tensorflow.identity_n",
    )
    is not None
)
_Defun = first("tensorflow.python.framework.function.Defun")
DefunBody = first("tensorflow.python.framework.function._FuncGraph")


def _gradient_by_attribute(op, *gradients):
    """What TensorFlow itself does with an op that has a ``_gradient_op_type``, but not with the call of a function."""
    return registered_gradient(text(op.get_attr("_gradient_op_type")))(op, *gradients)


_identity_functions = IdentityFunctions(
    _Defun, first("tensorflow.python.ops.gen_array_ops.prevent_gradient"), _gradient_by_attribute
)


def has_identity_n():
    """Whether an op with several inputs and outputs can be had."""
    return has_identity_n_op or _Defun is not None
