"""What is a tensor, a variable, a composite tensor, and what a gradient must be to fit one.

Decided by type alone where it can be. Knows nothing of modes, graphs or tapes.
"""

import functools

import numpy as np

from compat_grad._tf.lookup import first, tf, v1

Tensor = tf.Tensor
IndexedSlices = tf.IndexedSlices
EagerTensor = first("tensorflow.python.framework.ops.EagerTensor")
_CompositeTensor = first("tensorflow.python.framework.composite_tensor.CompositeTensor")
# Before CompositeTensor (1.14) these stood alone.
_OLD_COMPOSITES = (tf.SparseTensor, tf.IndexedSlices) + ((tf.RaggedTensor,) if hasattr(tf, "RaggedTensor") else ())
_ShardedVariable = first("tensorflow.python.distribute.sharded_variable.ShardedVariable")
if None in (_ShardedVariable, _CompositeTensor) or not issubclass(_ShardedVariable, _CompositeTensor):
    _ShardedVariable = None  # to 2.3 no tensor can be made of it
_VARIABLES = tuple(
    {
        cls
        for cls in (
            tf.Variable,
            v1.Variable,
            first("tensorflow.python.ops.resource_variable_ops.ResourceVariable"),
            first("tensorflow.python.ops.resource_variable_ops.BaseResourceVariable"),
            first("tensorflow.python.ops.variables.PartitionedVariable"),
            _ShardedVariable,
        )
        if cls is not None
    }
)
# What says that it is like a tensor though no subclass: Keras's mixed precision variables, distributed ones in
# 1.x, Keras 3's own. A base class from 2.4 on; before, a tuple that grows as modules register their types.
_DenseTensorLike = first("tensorflow.python.types.core.Tensor")
_ops = first("tensorflow.python.framework.ops")


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


flows = _Flows()
# Of an eager tensor the extension type tells number and shape; `dtype` and `shape` are Python, or build objects.
_Fast = EagerTensor if hasattr(EagerTensor, "_datatype_enum") and hasattr(EagerTensor, "_shape_tuple") else None


def differentiable(tensor):
    """Whether gradients flow through tensors of this dtype."""
    return flows[tensor._datatype_enum() if type(tensor) is _Fast else tensor.dtype.as_datatype_enum]


def flowing(tensors):
    """Return the positions of the tensors that gradients flow through."""
    positions = []
    for index, tensor in enumerate(tensors):  # as `differentiable` says, without a call for each of them
        if flows[tensor._datatype_enum() if type(tensor) is _Fast else tensor.dtype.as_datatype_enum]:
            positions.append(index)
    return positions


def same_dtype_and_shape(one, other):
    """Whether two tensors have the same dtype and statically compatible shapes."""
    if type(one) is _Fast and type(other) is _Fast:
        return one._datatype_enum() == other._datatype_enum() and one._shape_tuple() == other._shape_tuple()
    return one.dtype.base_dtype == other.dtype.base_dtype and one.shape.is_compatible_with(other.shape)


def all_fit(gradients, tensors):
    """Whether these are eager gradients, one for each of some eager tensors, that have their dtypes and shapes.

    What most gradients are; of the others, which may be right as well, this says no more.
    """
    if len(gradients) != len(tensors):
        return False
    for gradient, tensor in zip(gradients, tensors):
        if type(gradient) is not _Fast or type(tensor) is not _Fast:
            return False
        number = tensor._datatype_enum()
        if not flows[number] or gradient._datatype_enum() != number:
            return False
        if gradient._shape_tuple() != tensor._shape_tuple():
            return False
    return True


def complete(gradients, tensors):
    """Whether each of some eager tensors has a gradient, which is one, where gradients flow through all of them.

    What TensorFlow hands over mostly; of its other gradients, which may be as complete, this says no more.
    """
    for gradient, tensor in zip(gradients, tensors):
        if type(gradient) is not _Fast or type(tensor) is not _Fast or not flows[tensor._datatype_enum()]:
            return False
    return True


_constant_value = (
    getattr(tf, "get_static_value", None)
    or first("tensorflow.python.framework.tensor_util.constant_value")
    or (lambda tensor: None)
)


def dense(gradient, like=None):
    """Return a gradient as a tensor where it is IndexedSlices; like: a tensor of the shape that it has then."""
    if not isinstance(gradient, IndexedSlices):
        return gradient
    if gradient.dense_shape is None and like is not None:
        gradient = IndexedSlices(gradient.values, gradient.indices, tf.shape(like))
    return tf.convert_to_tensor(gradient)


def slices_of_tensors(slices, dtype=None):
    """Return IndexedSlices that are made of tensors: TensorFlow takes arrays, lists and tuples without a word."""
    values, others = slices.values, (slices.indices, slices.dense_shape)
    if all(part is None or isinstance(part, Tensor) for part in (values, *others)):
        return slices
    if not isinstance(values, Tensor):
        values = tf.convert_to_tensor(values, dtype)
    return IndexedSlices(values, *[part if part is None else _as_integers(part) for part in others])


def _as_integers(part):
    """Return a tensor, of int32 where that holds what is no tensor yet: before 1.5 a dense shape must be."""
    if isinstance(part, Tensor):
        return part
    array = np.asarray(part.as_list() if isinstance(part, tf.TensorShape) else part)
    fits = array.size == 0 or np.abs(array).max() <= np.iinfo(np.int32).max
    return tf.constant(array.astype(np.int32 if fits else np.int64))


def with_own_indices(slices, dtype):
    """Return IndexedSlices, of tensors, whose indices are no input of the call.

    The rows that a forward gathered are what its backward returns: in the gradient function that TensorFlow builds
    for a tf.function an output would be an input too, which fails as "Node with id 3 is different from the passed in".
    """
    slices = slices_of_tensors(slices, dtype)
    return IndexedSlices(slices.values, tf.identity(slices.indices), slices.dense_shape)


def slices_fit(slices, tensor):
    """Whether the static shapes of IndexedSlices and of the tensor whose gradient they are agree."""
    rows, shape = slices.values.shape, tensor.shape
    if rows.ndims is not None and shape.ndims is not None and not rows[1:].is_compatible_with(shape[1:]):
        return False
    dense = None if slices.dense_shape is None else _constant_value(slices.dense_shape)
    return dense is None or shape.is_compatible_with(dense.tolist())


def signature(tensor):
    """Return what is the same for eager tensors of the same dtype and shape only."""
    if type(tensor) is _Fast:
        return tensor._datatype_enum(), tensor._shape_tuple()
    return tensor.dtype.as_datatype_enum, str(tensor.shape)


def shape_text(gradient):
    """Return the shape of a gradient for an error message."""
    if isinstance(gradient, IndexedSlices):
        return "{} (the rows of IndexedSlices)".format(gradient.values.shape)
    return str(gradient.shape)


def is_handle(tensor):
    """Whether tensor stands for something with a value elsewhere: a variable, a list."""
    return tensor.dtype.base_dtype.name in ("resource", "variant")


def conj(tensor):
    """Complex conjugate; real tensors as they are (tf.conj was renamed in 2.0)."""
    if not tensor.dtype.base_dtype.is_complex:
        return tensor
    return tf.math.conj(tensor) if hasattr(getattr(tf, "math", None), "conj") else tf.conj(tensor)
