"""TensorFlow's nested structures, and the component tensors of composite ones."""

import importlib

from compat_grad._tf.early import NestWithDicts
from compat_grad._tf.lookup import tf
from compat_grad._tf.tensors import slices_of_tensors

nest = getattr(tf, "nest", None) or importlib.import_module("tensorflow.python.util.nest")
if nest.flatten({"a": 1, "b": 2}) != [1, 2]:  # before 1.3
    nest = NestWithDicts


def composite_parts(composite):
    """Return the component tensors of a composite tensor, and what is needed beside them to make such a one.

    The latter is hashable, holds no tensor, and is what `composite_of` takes.
    """
    if isinstance(composite, tf.IndexedSlices):
        composite = slices_of_tensors(composite)
    if hasattr(composite, "_type_spec"):  # from 1.15 on
        return nest.flatten(composite, expand_composites=True), composite._type_spec
    if isinstance(composite, tf.SparseTensor):
        return [composite.indices, composite.values, composite.dense_shape], tf.SparseTensor
    if not isinstance(composite, tf.IndexedSlices):  # pragma: no cover (1.13 and 1.14)
        return [composite.flat_values] + list(composite.nested_row_splits), tf.RaggedTensor
    parts = [composite.values, composite.indices, composite.dense_shape]
    return [part for part in parts if part is not None], tf.IndexedSlices


def composite_of(specification, parts):
    """Return the composite tensor of these components, as `composite_parts` told it."""
    if not isinstance(specification, type):
        return nest.pack_sequence_as(specification, parts, expand_composites=True)
    if specification is getattr(tf, "RaggedTensor", None):  # pragma: no cover (1.13 and 1.14)
        return tf.RaggedTensor.from_nested_row_splits(parts[0], parts[1:])
    return specification(*parts)
