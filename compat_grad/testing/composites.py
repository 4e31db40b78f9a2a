"""Ragged and sparse tensors and IndexedSlices: their values, which are differentiated, and whole numbers around them.

As an input one is an array, of its values, and is made anew of them in each mode. As an output it is as many results as
it has components. In NumPy it is what a session's ``run`` gives for it. Knows nothing of modes.
"""

import collections
import copy
import inspect

import numpy as np

from compat_grad._tf import tf, v1
from compat_grad.testing.structures import WHOLE, fill, leaves

RaggedTensor = getattr(tf, "RaggedTensor", None)  # 1.13 brought it
RaggedTensorValue = getattr(getattr(v1, "ragged", None), "RaggedTensorValue", None)
SparseTensorValue = v1.SparseTensorValue
IndexedSlicesValue = collections.namedtuple("IndexedSlicesValue", "values indices dense_shape")

_VALUES = ".values"
_ROW_SPLITS = ".row_splits"


def _is_ragged(thing):
    return RaggedTensor is not None and isinstance(thing, (RaggedTensor, RaggedTensorValue))


def is_composite(thing):
    """Whether this is a ragged or sparse tensor or IndexedSlices, of TensorFlow's or in NumPy."""
    known = tf.SparseTensor, SparseTensorValue, tf.IndexedSlices, IndexedSlicesValue
    return _is_ragged(thing) or isinstance(thing, known)


WHOLE.append(is_composite)  # those in NumPy are namedtuples


def components(composite):
    """Return [(".values", its values), (".row_splits", ...), ...] of a composite; [("", it)] of anything else."""
    if _is_ragged(composite):
        splits = list(composite.nested_row_splits)
        names = [_ROW_SPLITS] if len(splits) == 1 else ["{}[{}]".format(_ROW_SPLITS, i) for i in range(len(splits))]
        return [(_VALUES, composite.flat_values)] + list(zip(names, splits))
    if not is_composite(composite):
        return [("", composite)]
    found = [(_VALUES, composite.values), (".indices", composite.indices), (".dense_shape", composite.dense_shape)]
    return [(name, part) for name, part in found if part is not None]


class Kind:
    """What a tensor, composite or not, is besides its components."""

    def __init__(self, composite):
        self.names = [name for name, _ in components(composite)]
        self._is_ragged = _is_ragged(composite)
        self._is_sparse = isinstance(composite, (tf.SparseTensor, SparseTensorValue))

    def in_numpy(self, parts):
        """Return such a one of these components, which are arrays; the array alone where it is no composite."""
        if self.names == [""]:
            return parts[0]
        if self._is_ragged:
            value = parts[0]
            for splits in reversed(parts[1:]):
                value = RaggedTensorValue(value, np.asarray(splits))
            return value
        values, indices, shape = list(parts) + [None] * (3 - len(parts))
        if self._is_sparse:
            return SparseTensorValue(indices, values, shape)
        return IndexedSlicesValue(values, indices, shape)

    def of_tensor(self, values, others):
        """Return such a one of a tensor and the arrays around it, which stay known while a graph is built."""
        others = [tf.constant(array) for array in others]
        if self._is_ragged:
            return RaggedTensor.from_nested_row_splits(values, others, **_UNCHECKED)
        if self._is_sparse:
            return tf.SparseTensor(others[0], values, others[1])
        return tf.IndexedSlices(values, *others)


# Checks would be ops, which not every mode can run. The components come from such a tensor.
_CHECKS = RaggedTensor is not None and "validate" in inspect.signature(RaggedTensor.from_nested_row_splits).parameters
_UNCHECKED = {"validate": False} if _CHECKS else {}


def tensors_in(result, path=""):
    """Yield (path, tensor) of each tensor, or component of one, in the structure that a function returned."""
    for place, leaf in leaves(result, path):
        if leaf is not None:
            for name, part in components(leaf):
                yield place + name, part


def outline_of(result):
    """Return the structure that a function returned without its tensors, for `filled`."""
    kinds = [None if leaf is None else Kind(leaf) for _, leaf in leaves(result)]
    return fill(result, iter(kinds))


def filled(outline, arrays):
    """Return a structure of NumPy's with the next of an iterator of arrays in place of each tensor and component."""
    kinds = [kind for _, kind in leaves(outline)]
    return fill(outline, iter([kind and kind.in_numpy([next(arrays) for _ in kind.names]) for kind in kinds]))


def weights_in(structure):
    """Return the flat list of the weights in a structure like a function's result: those of a composite's values."""
    found = []
    for _, leaf in leaves(structure):
        if is_composite(leaf):
            given = Composite(leaf)
            found += [given.values if name == _VALUES else None for name in given.names]
        else:
            found.append(None if leaf is None else np.asarray(leaf))
    return found


class Composite:
    """A composite input.

    Attributes:
      values: the array that is differentiated by.
      names: of its components.
    """

    def __init__(self, composite):
        self._kind = Kind(composite)
        self.names = self._kind.names
        self.values, *self._others = [_array(part, composite) for _, part in components(composite)]

    def of(self, values):
        """Return the composite tensor of these values."""
        return self._kind.of_tensor(values, self._others)

    def in_numpy(self, values):
        """Return the same in NumPy with these values."""
        return self._kind.in_numpy([values, *self._others])

    def astype(self, dtype):
        """Return the same with values of another dtype."""
        other = copy.copy(self)
        other.values = self.values.astype(dtype)
        return other


def as_input(leaf):
    """Return what an input is: a `Composite` for a composite tensor, everything else as it is.

    Raises:
      TypeError: it is of a graph, where it has no values.
    """
    return Composite(leaf) if is_composite(leaf) else leaf


def _array(part, composite):
    if isinstance(part, tf.Tensor) and not hasattr(part, "numpy"):
        raise TypeError(
            "{!r} has no values outside of its graph: pass one in NumPy (tf.compat.v1.SparseTensorValue, "
            "tf.compat.v1.ragged.RaggedTensorValue)".format(composite)
        )
    if isinstance(part, (list, tuple)) and np.asarray(part).dtype == np.float64:
        return np.asarray(part, np.float32)  # as TensorFlow takes Python's numbers
    return np.asarray(part.numpy() if isinstance(part, tf.Tensor) else part)
