"""TensorFlow's nested structures, and the component tensors of composite ones."""

import importlib

from compat_grad._tf.early import NestWithDicts
from compat_grad._tf.lookup import tf
from compat_grad._tf.tensors import _CompositeTensor

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
