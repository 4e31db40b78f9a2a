"""The seam: the one module that knows there are several TensorFlows.

It finds out once, at import, what the running TensorFlow offers, by feature and never by version number. Every
private name of TensorFlow that compat_grad uses is looked up here, each with what takes its place where it is
missing. The rest of the package reads as if there were one TensorFlow; this module knows nothing of overrides.
"""

import importlib
import inspect

import tensorflow as tf

from compat_grad._early import IdentityFunctions, NestWithDicts

#: The TensorFlow 1 names, wherever they live (``tf.compat.v1`` from 1.13 on, ``tf`` itself before).
v1 = getattr(getattr(tf, "compat", None), "v1", tf)


def _first(*paths):
    """Return the first of these dotted names that the running TensorFlow has, or None."""
    for path in paths:
        module, _, name = path.rpartition(".")
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    return None


# --- modes ----------------------------------------------------------------------------------------------------

# tf.executing_eagerly is public from 1.7; 1.5 and 1.6 ask the context; before 1.5 there is no eager mode.
executing_eagerly = (
    getattr(tf, "executing_eagerly", None) or _first("tensorflow.python.eager.context.in_eager_mode") or (lambda: False)
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


def new_function(python_function):
    """Return python_function traced into graphs of its own at its calls, or None before TensorFlow has that."""
    make = (
        getattr(tf, "function", None)
        or _first("tensorflow.python.eager.function.defun")
        or _first("tensorflow.contrib.eager.defun")
    )
    return make and make(python_function)


# --- tensors and variables ------------------------------------------------------------------------------------

Tensor = tf.Tensor
IndexedSlices = tf.IndexedSlices
EagerTensor = _first("tensorflow.python.framework.ops.EagerTensor")
_CompositeTensor = _first("tensorflow.python.framework.composite_tensor.CompositeTensor")
_OLD_COMPOSITES = (tf.SparseTensor, tf.IndexedSlices)  # before CompositeTensor (1.14) these two stood alone
_VARIABLES = tuple(
    {
        cls
        for cls in (
            tf.Variable,
            v1.Variable,
            _first("tensorflow.python.ops.resource_variable_ops.ResourceVariable"),
            _first("tensorflow.python.ops.resource_variable_ops.BaseResourceVariable"),
            _first("tensorflow.python.ops.variables.PartitionedVariable"),
        )
        if cls is not None
    }
)
_DenseTensorLike = _first("tensorflow.python.types.core.Tensor")  # also Keras 3's own variables, from 2.4 on


def is_tensor_type(cls):
    """Whether instances of cls are dense tensors, eager or symbolic."""
    return issubclass(cls, Tensor)


def is_variable_type(cls):
    """Whether instances of cls are variables (resource, reference, distributed, Keras), read by convert_to_tensor."""
    if issubclass(cls, _VARIABLES):
        return True
    return _DenseTensorLike is not None and issubclass(cls, _DenseTensorLike) and not issubclass(cls, Tensor)


def is_composite_type(cls):
    """Whether instances of cls are made of several tensors (SparseTensor, RaggedTensor, IndexedSlices)."""
    if is_variable_type(cls):
        return False  # variables have been composite tensors since 2.9
    return issubclass(cls, _CompositeTensor or _OLD_COMPOSITES)


def is_eager_tensor_type(cls):
    """Whether instances of cls are eager tensors."""
    if EagerTensor is None:
        return issubclass(cls, Tensor) and hasattr(cls, "numpy")
    return issubclass(cls, EagerTensor)


def is_keras_tensor_type(cls):
    """Whether instances of cls stand for a Keras layer's output (Keras is not imported to find out)."""
    return any(base.__name__ == "KerasTensor" for base in cls.__mro__)


_GRADIENTS_FLOW = {}  # dtype -> bool; asking the dtype costs more than the call of a small op


def differentiable(tensor):
    """Whether gradients flow through tensors of this dtype."""
    dtype = tensor.dtype
    known = _GRADIENTS_FLOW.get(dtype)
    if known is None:
        base = dtype.base_dtype
        known = _GRADIENTS_FLOW[dtype] = bool(base.is_floating or base.is_complex or base == tf.bfloat16)
    return known


def same_dtype_and_shape(one, other):
    """Whether two tensors have the same dtype and statically compatible shapes."""
    if one.dtype.base_dtype != other.dtype.base_dtype:
        return False
    try:
        if one._shape_tuple() == other._shape_tuple():  # of eager tensors; `shape` would build objects
            return True
    except (AttributeError, NotImplementedError):
        pass
    return one.shape.is_compatible_with(other.shape)


_constant_value = (
    getattr(tf, "get_static_value", None)
    or _first("tensorflow.python.framework.tensor_util.constant_value")
    or (lambda tensor: None)
)


def dense(gradient):
    """Return a gradient as a tensor where it is IndexedSlices."""
    return tf.convert_to_tensor(gradient) if isinstance(gradient, IndexedSlices) else gradient


def with_own_indices(slices):
    """Return IndexedSlices whose indices are no input of the call.

    The rows that a forward gathered are what its backward returns: in the gradient function that TensorFlow builds
    for a tf.function an output would be an input too, which fails as "Node with id 3 is different from the passed in".
    """
    return IndexedSlices(slices.values, tf.identity(slices.indices), slices.dense_shape)


def slices_fit(slices, tensor):
    """Whether the static shapes of IndexedSlices and of the tensor whose gradient they are agree."""
    rows, shape = slices.values.shape, tensor.shape
    if rows.ndims is not None and shape.ndims is not None and not rows[1:].is_compatible_with(shape[1:]):
        return False
    dense = None if slices.dense_shape is None else _constant_value(slices.dense_shape)
    return dense is None or shape.is_compatible_with(dense.tolist())


def shape_text(gradient):
    """Return the shape of a gradient for an error message."""
    if isinstance(gradient, IndexedSlices):
        return "{} (the rows of IndexedSlices)".format(gradient.values.shape)
    return str(gradient.shape)


# --- structures -----------------------------------------------------------------------------------------------

nest = getattr(tf, "nest", None) or importlib.import_module("tensorflow.python.util.nest")
if nest.flatten({"a": 1, "b": 2}) != [1, 2]:  # before 1.3
    nest = NestWithDicts


def composite_parts(composite):
    """Return the component tensors of a composite tensor and the function that puts such components together."""
    if _CompositeTensor is not None:
        template = composite._type_spec
        parts = nest.flatten(composite, expand_composites=True)
        return parts, lambda new: nest.pack_sequence_as(template, new, expand_composites=True)
    if isinstance(composite, tf.SparseTensor):
        return [composite.indices, composite.values, composite.dense_shape], lambda new: tf.SparseTensor(*new)
    parts = [composite.values, composite.indices]
    if composite.dense_shape is not None:
        parts.append(composite.dense_shape)
    return parts, lambda new: tf.IndexedSlices(*new)


# --- the pass-through op of graphs ----------------------------------------------------------------------------

AttrValue = v1.AttrValue
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
    dtypes = tuple([tensor.dtype.base_dtype for tensor in tensors])
    if not has_identity_n_op:
        return _identity_functions.add_op(tensors, dtypes, name, attributes)
    attrs = {"T": _type_list(dtypes)}
    attrs.update(attributes)
    return get_default_graph().create_op("IdentityN", list(tensors), list(dtypes), name=name, attrs=attrs)


has_identity_n_op = (
    _first(
        "tensorflow.python.ops.gen_array_ops.identity_n",
        "tensorflow.python.ops.gen_array_ops._identity_n",
        "tensorflow.identity_n",
    )
    is not None
)
_Defun = _first("tensorflow.python.framework.function.Defun")


def _gradient_by_attribute(op, *gradients):
    """What TensorFlow itself does with an op that has a ``_gradient_op_type``, but not with the call of a function."""
    if "_gradient_op_type" not in op.node_def.attr:
        return list(gradients)
    return registered_gradient(text(op.get_attr("_gradient_op_type")))(op, *gradients)


_identity_functions = IdentityFunctions(
    _Defun, _first("tensorflow.python.ops.gen_array_ops.prevent_gradient"), _gradient_by_attribute
)


def vectorize_with(op, convert):
    """Let tf.vectorized_map turn op into ``convert(inputs)``: tensors with a new first axis in, such outputs back.

    Without it the parallel-for converter rebuilds IdentityN without its gradient: silently the native one.
    """

    def converter(pfor_input):
        pfor_input.stack_inputs()
        wrap = _first("tensorflow.python.ops.parallel_for.pfor.wrap")
        return [wrap(tensor, True) for tensor in convert([stacked.t for stacked in pfor_input.inputs])]

    op.pfor_converter = converter  # where TensorFlow's own ops put theirs


def has_identity_n():
    """Whether an op with several inputs and outputs can be had."""
    return has_identity_n_op or _Defun is not None


_registry = _first(
    "tensorflow.python.framework.ops._gradient_registry", "tensorflow.python.framework.ops.gradient_registry"
)


def registered_gradient(name):
    """Return the gradient function registered as name, None for one that is registered as not differentiable.

    Raises LookupError for an unregistered name, RuntimeError where TensorFlow's registry cannot be reached.
    """
    if _registry is None:
        raise RuntimeError("this TensorFlow hides its registry of gradients; pass the gradient function itself")
    return _registry.lookup(name)


def keep_with(graph, thing):
    """Keep thing alive for as long as graph."""
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


# --- tapes ----------------------------------------------------------------------------------------------------

# The recorder moved from eager.tape to eager.record in late 2.x. Without it, strategies fall back on the public
# tf.custom_gradient.
record_operation = _first(
    "tensorflow.python.eager.record.record_operation", "tensorflow.python.eager.tape.record_operation"
)
stop_recording = _first("tensorflow.python.eager.record.stop_recording", "tensorflow.python.eager.tape.stop_recording")
VariableWatcher = _first(
    "tensorflow.python.eager.record.VariableWatcher", "tensorflow.python.eager.tape.VariableWatcher"
)
GradientTape = getattr(tf, "GradientTape", None) or _first("tensorflow.python.eager.backprop.GradientTape")
if record_operation is not None and "side_outputs" in inspect.signature(record_operation).parameters:
    record_operation = None  # 1.4: eager mode was not to be had yet


def _unknown_tapes():
    return False  # act as if one were listening


_push_new_tape = _first("tensorflow.python.eager.tape.push_new_tape")
_pop_tape = _first("tensorflow.python.eager.tape.pop_tape")
no_tapes = (
    _first(
        "tensorflow.python.pywrap_tfe.TFE_Py_TapeSetIsEmpty",
        "tensorflow.python.pywrap_tensorflow.TFE_Py_TapeSetIsEmpty",
    )
    or _unknown_tapes
)

_eager_identity = _first("tensorflow.python.ops.gen_array_ops.identity")
_pack_tangents = _first("tensorflow.python.eager.forwardprop_util.pack_tangents")
_copy_nograd = getattr(EagerTensor, "_copy_nograd", None)


class _TapedReads:
    """Sees variables as a tape does: only while recording is on, and everything else too."""

    def __enter__(self):
        self._tape = _push_new_tape()
        return self

    def __exit__(self, *error):
        _pop_tape(self._tape)

    def watched_variables(self):
        # in no order at all before 1.12
        return sorted(self._tape.watched_variables(), key=lambda variable: variable.handle._id)


#: Context manager whose watched_variables() are those that were read in it, in the order of their creation.
VariableReads = VariableWatcher or (_TapedReads if _push_new_tape is not None else GradientTape)


def alias(tensor):
    """Return a new eager tensor over the same memory that no tape has seen."""
    if _copy_nograd is not None:
        # Shares the buffer and is not recorded. The device is named because without it the copy goes to the CPU.
        return _copy_nograd(tensor, device_name=tensor.device)
    if _eager_identity is not None and stop_recording is not None:  # before 1.8
        with stop_recording():
            return _eager_identity(tensor)  # not tf.identity: on 2.0 that returns the same object
    return tf.stop_gradient(tensor)


def tangents_flow(tensors):
    """Whether a forward-mode accumulator (tf.autodiff.ForwardAccumulator) carries tangents of these tensors."""
    return _pack_tangents is not None and not no_tapes() and bool(_pack_tangents(tensors).tangents)


# --- AutoGraph ------------------------------------------------------------------------------------------------

_tf_convert = _first("tensorflow.python.autograph.impl.api.tf_convert")
_autograph_status = _first("tensorflow.python.autograph.core.ag_ctx.control_status_ctx")


def autograph_converts():
    """Whether the code that is calling us is being converted by AutoGraph."""
    return _autograph_status is not None and _autograph_status().status.name == "ENABLED"


def convert_by_autograph(function):
    """Return function as AutoGraph converts it."""
    return _tf_convert(function, _autograph_status())


def not_converted(function):
    """Mark function as none of AutoGraph's business."""
    function.autograph_info__ = {}
    return function


# --- the rest of the public API, under one name each ----------------------------------------------------------

custom_gradient = getattr(tf, "custom_gradient", None)
vectorized_map = getattr(tf, "vectorized_map", None)
register_gradient = v1.RegisterGradient
trainable_variables_key = v1.GraphKeys.TRAINABLE_VARIABLES


def conj(tensor):
    """Complex conjugate; real tensors as they are (tf.conj was renamed in 2.0)."""
    if not tensor.dtype.base_dtype.is_complex:
        return tensor
    return tf.math.conj(tensor) if hasattr(getattr(tf, "math", None), "conj") else tf.conj(tensor)


def text(value):
    """Return a string attribute of an op as str."""
    return value.decode() if isinstance(value, bytes) else value


# --- plain graphs ---------------------------------------------------------------------------------------------

_id_offset = []


def newest_operation_id(graph):
    """Return the ``_id`` of the operation that was added to graph last."""
    if not _id_offset:  # ids are the graph's version up to some 2.x, one more later
        probe = tf.Graph()
        with probe.as_default():
            _id_offset.append(tf.no_op()._id - probe.version)
    return graph.version + _id_offset[0]


def variable_op(variable):
    """Return the op behind a variable of a plain graph."""
    return variable.handle.op if hasattr(variable, "handle") else variable.op


def own_reads(variable):
    """Return the names of the tensors that TensorFlow itself reads a variable of a plain graph through."""
    kept = (getattr(variable, name, None) for name in ("_snapshot", "_graph_element", "_cached_value", "_variable"))
    return [tensor.name for tensor in kept if isinstance(tensor, Tensor)]
