"""The seam: the one module that knows there are several TensorFlows.

It finds out once, at import, what the running TensorFlow offers, by feature and never by version number. Every
private name of TensorFlow that compat_grad uses is looked up here, each with what takes its place where it is
missing. The rest of the package reads as if there were one TensorFlow; this module knows nothing of overrides.
"""

import contextlib
import functools
import importlib
import inspect
import threading

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
    if make is None:
        return None
    if functions_nest and _autograph_status is None:  # 1.14, where AutoGraph would convert our code as well
        return make(python_function, autograph=False)
    return make(python_function)


#: Whether the gradients of functions hold inside other functions.
functions_nest = hasattr(tf, "function")

_functions_run_eagerly = _first(
    "tensorflow.config.functions_run_eagerly", "tensorflow.config.experimental_functions_run_eagerly"
) or (lambda: False)


def call_traced(function, tensors):
    """Call what `new_function` returned, traced also where the user has TensorFlow run its functions eagerly.

    Unless `functions_nest`, it is a function that returns a list of tensors.
    """
    if _functions_run_eagerly():
        return function.get_concrete_function(*tensors)(*tensors)
    results = function(*tensors)
    return results if functions_nest else _with_dense_gradients(results)


def _with_dense_gradients(results):
    """Return the tensors that a function from before tf.function returned, so that it is never given IndexedSlices.

    As gradients of its outputs it takes none: some versions raise, 1.10 and 1.11 compute nonsense or crash.
    """
    return [_with_dense_gradient(result) for result in results]


def _with_dense_gradient(result):
    if record_operation is None or not differentiable(result):
        return result
    same = alias(result)
    record_operation("Identity", [same], [result], lambda gradient: [dense(gradient)])
    return same


# --- tensors and variables ------------------------------------------------------------------------------------

Tensor = tf.Tensor
IndexedSlices = tf.IndexedSlices
EagerTensor = _first("tensorflow.python.framework.ops.EagerTensor")
_CompositeTensor = _first("tensorflow.python.framework.composite_tensor.CompositeTensor")
# Before CompositeTensor (1.14) these stood alone.
_OLD_COMPOSITES = (tf.SparseTensor, tf.IndexedSlices) + ((tf.RaggedTensor,) if hasattr(tf, "RaggedTensor") else ())
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
# What says that it is like a tensor though no subclass: Keras's mixed precision variables, distributed ones in
# 1.x, Keras 3's own. A base class from 2.4 on; before, a tuple that grows as modules register their types.
_DenseTensorLike = _first("tensorflow.python.types.core.Tensor")
_ops = importlib.import_module("tensorflow.python.framework.ops")


@functools.lru_cache(maxsize=None)  # its classes are a handful in a whole program
def is_tensor_type(cls):
    """Whether instances of cls are dense tensors, eager or symbolic."""
    return issubclass(cls, Tensor)


@functools.lru_cache(maxsize=None)
def is_variable_type(cls):
    """Whether instances of cls are variables (resource, reference, distributed, Keras), read by convert_to_tensor."""
    if issubclass(cls, _VARIABLES):
        return True
    like_tensors = _DenseTensorLike or getattr(_ops, "_TENSOR_LIKE_TYPES", ())
    return issubclass(cls, like_tensors) and not issubclass(cls, (Tensor, _CompositeTensor or _OLD_COMPOSITES))


@functools.lru_cache(maxsize=None)
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


class _Flows(dict):
    """For the number of each dtype, whether gradients flow through it: asked once, a few in a whole program.

    Asking a dtype, or even hashing it, costs more than the rest of what a call of a small op needs to know of a tensor.
    """

    def __missing__(self, number):
        base = tf.as_dtype(number).base_dtype
        self[number] = bool(base.is_floating or base.is_complex or base == tf.bfloat16)
        return self[number]


_flows = _Flows()
# Of an eager tensor the extension type tells number and shape; `dtype` and `shape` are Python, or build objects.
_Fast = EagerTensor if hasattr(EagerTensor, "_datatype_enum") and hasattr(EagerTensor, "_shape_tuple") else None


def differentiable(tensor):
    """Whether gradients flow through tensors of this dtype."""
    return _flows[tensor._datatype_enum() if type(tensor) is _Fast else tensor.dtype.as_datatype_enum]


def flowing(tensors):
    """Return the positions of the tensors that gradients flow through."""
    return [index for index, tensor in enumerate(tensors) if differentiable(tensor)]


def same_dtype_and_shape(one, other):
    """Whether two tensors have the same dtype and statically compatible shapes."""
    if type(one) is _Fast and type(other) is _Fast:
        return one._datatype_enum() == other._datatype_enum() and one._shape_tuple() == other._shape_tuple()
    return one.dtype.base_dtype == other.dtype.base_dtype and one.shape.is_compatible_with(other.shape)


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
        template = getattr(composite, "_type_spec", composite)  # 1.14 has no specifications yet
        parts = nest.flatten(composite, expand_composites=True)
        return parts, lambda new: nest.pack_sequence_as(template, new, expand_composites=True)
    if isinstance(composite, tf.SparseTensor):
        return [composite.indices, composite.values, composite.dense_shape], lambda new: tf.SparseTensor(*new)
    if not isinstance(composite, tf.IndexedSlices):
        parts = [composite.flat_values] + list(composite.nested_row_splits)
        return parts, lambda new: tf.RaggedTensor.from_nested_row_splits(new[0], new[1:])
    parts = [composite.values, composite.indices]
    if composite.dense_shape is not None:
        parts.append(composite.dense_shape)
    return parts, lambda new: tf.IndexedSlices(*new)


# --- the pass-through op of graphs ----------------------------------------------------------------------------

AttrValue = v1.AttrValue
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
        with graph.gradient_override_map({"IdentityN": text(attributes[_GRADIENT].s)}):
            return _create_identity_n(graph, tensors, dtypes, name, attrs)
    return _create_identity_n(graph, tensors, dtypes, name, attrs)


# 1.5 does not look up that the op takes a list, which it must know in functions.
_registered_ops = _first("tensorflow.python.framework.op_def_registry.get_registered_ops")
_identity_n_def = _registered_ops and _registered_ops().get("IdentityN")


def _create_identity_n(graph, tensors, dtypes, name, attrs):
    create_op = _create_op(type(graph))
    return create_op(graph, "IdentityN", tensors, dtypes, name=name, attrs=attrs, op_def=_identity_n_def)


@functools.lru_cache(maxsize=None)
def _create_op(graph_type):
    """Return the public method itself: from 1.15 on, a check for deprecated arguments inspects it at each call."""
    return inspect.unwrap(graph_type.create_op)


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


def vectorize_natively_and(op, tie):
    """Let tf.vectorized_map turn op into what it natively does, with its outputs ``tie(outputs, inputs)``."""

    def converter(pfor_input):
        native = _first("tensorflow.python.ops.parallel_for.pfor._pfor_converter_registry").get(op.type)
        wrap = _first("tensorflow.python.ops.parallel_for.pfor.wrap")
        if native is None:
            raise ValueError("tf.vectorized_map has no converter for the {} op {!r}".format(op.type, op.name))
        found = native(_OfPlainOp(pfor_input))
        found = list(found) if isinstance(found, (list, tuple)) and not hasattr(found, "is_stacked") else [found]
        pfor_input.stack_inputs()
        tied = tie([output.t for output in found], [stacked.t for stacked in pfor_input.inputs])
        return [wrap(tensor, True) for tensor in tied]

    op.pfor_converter = converter


class _OfPlainOp:
    """What a converter of TensorFlow's is handed, its op without the name of a gradient, which some refuse (to 2.4)."""

    def __init__(self, pfor_input):
        self._pfor_input = pfor_input
        self.op = _PlainOp(pfor_input.op)

    def __getattr__(self, name):
        return getattr(self._pfor_input, name)


class _PlainOp:
    def __init__(self, op):
        self._op = op
        self.node_def = type(op.node_def)()
        self.node_def.CopyFrom(op.node_def)
        self.node_def.attr.pop("_gradient_op_type", None)

    def __getattr__(self, name):
        return getattr(self._op, name)


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


def unregister_gradient(name):
    """Forget a registered gradient; where TensorFlow's registry cannot be reached, the name stays."""
    getattr(_registry, "_registry", {}).pop(name, None)


def gradient_name(op):
    """Return the name of the gradient that op has instead of its type's, or None."""
    try:
        return text(op.get_attr("_gradient_op_type"))
    except ValueError:
        return None


def name_gradient(op, name):
    """Give op the gradient registered as name, unless it has been given one already."""
    if gradient_name(op) is None:
        op._set_attr("_gradient_op_type", AttrValue(s=name.encode()))


def is_handle(tensor):
    """Whether tensor stands for something with a value elsewhere: a variable, a list."""
    return tensor.dtype.base_dtype.name in ("resource", "variant")


# --- functions within graphs ----------------------------------------------------------------------------------

_CONTROL_FLOW_BODIES = tuple(
    cls
    for cls in (
        _first(
            "tensorflow.python.ops.control_flow_v2_func_graphs." + name,
            "tensorflow.python.ops.control_flow_util_v2." + name,  # 1.14
        )
        for name in ("CondBranchFuncGraph", "WhileCondFuncGraph", "WhileBodyFuncGraph")
    )
    if cls is not None
)
_save_context = _first("tensorflow.python.saved_model.save_context.save_context")
_in_save_context = _first("tensorflow.python.saved_model.save_context.in_save_context")


def is_control_flow_body(graph):
    """Whether graph is the body of a loop or branch, which nobody else calls."""
    return isinstance(graph, _CONTROL_FLOW_BODIES)


class _TracedFor:
    """In the place of tf.saved_model.SaveOptions."""

    def __init__(self, marker):
        self.experimental_variable_policy = marker


@contextlib.contextmanager
def private_traces(marker):
    """Have the tf.functions that are called in here traced for this marker alone; yields whether that is so.

    A function's traces are shared by all who call it. What TensorFlow (2.4 and later) tells traces apart by includes,
    of the context, only the options of a SavedModel being saved, and only their variable policy, which replicas read.
    """
    if _save_context is None or _in_save_context() or _in_replica_context_of_strategy():
        yield False
    else:
        with _save_context(_TracedFor(marker)):
            yield True


def _in_replica_context_of_strategy():
    return tf.distribute.has_strategy()


def called_functions(op):
    """Return the names of the functions that op calls."""
    names = functions_in(op.node_def.attr) if _takes_functions(op) else []
    if op.graph._is_function(op.type):  # TensorFlow 1's Defun: a function is called by an op of its name
        names.append(op.type)
    return names


_TAKES_FUNCTIONS = {}  # op type -> bool


def _takes_functions(op):
    known = _TAKES_FUNCTIONS.get(op.type)
    if known is None:
        if op.op_def is None:  # as Graph.create_op leaves it before 1.6
            return True
        kinds = [attribute.type for attribute in op.op_def.attr]
        known = _TAKES_FUNCTIONS[op.type] = "func" in kinds or "list(func)" in kinds
    return known


def functions_in(attributes):
    """Return the names of the functions in the attributes of a node."""
    names = []
    for value in attributes.values():
        names += [function.name for function in [value.func] + list(value.list.func) if function.name]
    return names


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
_tapes_are_a_stack = _pop_tape is not None and not inspect.signature(_pop_tape).parameters  # 1.5
no_tapes = (
    _first(
        "tensorflow.python.pywrap_tfe.TFE_Py_TapeSetIsEmpty",
        "tensorflow.python.pywrap_tensorflow.TFE_Py_TapeSetIsEmpty",
        "tensorflow.python.pywrap_tensorflow.TFE_Py_TapeStackIsEmpty",  # 1.5
    )
    or _unknown_tapes
)

_eager_identity = _first("tensorflow.python.ops.gen_array_ops.identity")
_pack_tangents = _first(
    "tensorflow.python.pywrap_tfe.TFE_Py_PackJVPs", "tensorflow.python.pywrap_tensorflow.TFE_Py_PackJVPs"
)
# A method of the extension type; the class above it, which stands for its documentation, tells its parameters.
_copy_to_device = getattr(EagerTensor, "_copy_to_device", None)
_copy_takes_context = _copy_to_device is not None and any(
    "context" in inspect.signature(base._copy_to_device).parameters
    for base in EagerTensor.__mro__[1:]
    if hasattr(base, "_copy_to_device")
)
_context = _first("tensorflow.python.eager.context.context")


class _TapedReads:
    """Sees variables as a tape does: only while recording is on, and everything else too."""

    def __enter__(self):
        self._tape = _push_new_tape()
        return self

    def __exit__(self, *error):
        if _tapes_are_a_stack:
            self._tape = _pop_tape()
        else:
            _pop_tape(self._tape)

    def watched_variables(self):
        # in no order at all before 1.12
        return sorted(self._tape.watched_variables(), key=lambda variable: variable.handle._id)


#: Context manager whose watched_variables() are those that were read in it, in the order of their creation.
VariableReads = VariableWatcher or (_TapedReads if _push_new_tape is not None else GradientTape)


def _alias_by_copy(tensor):
    # Shares the buffer and is not recorded. The device is named because without it the copy goes to the CPU.
    return tensor._copy_to_device(tensor.device)


def _alias_by_copy_in_context(tensor):  # to 1.14
    return tensor._copy_to_device(context=_context()._handle, device=tensor.device)


def _alias_by_op(tensor):
    if _eager_identity is None or stop_recording is None:
        return tf.stop_gradient(tensor)
    with stop_recording():
        return _eager_identity(tensor)  # not tf.identity: on 2.0 that returns the same object


#: Returns a new eager tensor over the same memory that no tape has seen.
alias = (
    _alias_by_op if _copy_to_device is None else _alias_by_copy_in_context if _copy_takes_context else _alias_by_copy
)


def tangents_flow(tensors):
    """Whether a forward-mode accumulator (tf.autodiff.ForwardAccumulator) carries tangents of these tensors."""
    return _pack_tangents is not None and not no_tapes() and bool(_pack_tangents(tensors)[1])  # (indices, tangents)


# --- AutoGraph ------------------------------------------------------------------------------------------------

_tf_convert = _first("tensorflow.python.autograph.impl.api.tf_convert")
_autograph_status = _first("tensorflow.python.autograph.core.ag_ctx.control_status_ctx")
_ControlStatus = _first("tensorflow.python.autograph.core.ag_ctx.ControlStatusCtx")
_autograph_statuses = _first("tensorflow.python.autograph.core.ag_ctx.Status")


def autograph_converts():
    """Whether the code that is calling us is being converted by AutoGraph."""
    return _autograph_status is not None and _autograph_status().status.name == "ENABLED"


def autograph_enabled():
    """Return a context in which functions are converted by AutoGraph, where it can be reached."""
    if _tf_convert is None or _ControlStatus is None:
        return contextlib.ExitStack()
    return _ControlStatus(status=_autograph_statuses.ENABLED)


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
