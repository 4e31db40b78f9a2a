"""What holds tensors where an override cannot see them: arrays of objects, sets, iterators, attributes, TensorArrays.

Such a tensor counts as captured: it gets no gradient. That is said where a look without side effects shows it; what a
function has in its closure shows nowhere. Knows nothing of overrides.
"""

import collections.abc
import contextlib
import types
import warnings

import numpy as np

from compat_grad import _tf
from compat_grad._tf import tf

_SETS = (set, frozenset)
_Slot = types.MemberDescriptorType


def may_hide_tensors(cls):
    """Whether it is worth a look into an instance of this type."""
    if issubclass(cls, (np.ndarray, slice, *_SETS)) or _is_iterator(cls):
        return True
    if cls.__module__ in ("builtins", "numpy") or issubclass(cls, (type, types.ModuleType)):
        return False
    # Functions, layers and models hold tensors, and nobody takes them for a structure of those.
    has_attributes = cls.__dictoffset__ != 0 or any(_slots(cls))
    return has_attributes and not any("__call__" in vars(base) for base in cls.__mro__)


def say_what_hides(layout, parts, title):
    """Warn of the arguments of a call that hide tensors, once for each call shape; title: of the override."""
    for position in layout.hiding:
        where = _where_tensors_hide(parts[position])
        if where is not None:
            layout.hiding = []
            name, kind = layout.paths_of_parts()[position], type(parts[position]).__name__
            warnings.warn(
                "{}: the argument {!r} ({}) {}, where an override does not see them: they count as captured and get no "
                "gradient. Pass them themselves, or in a list, tuple, dict, namedtuple or attrs class.".format(
                    title, name, kind, where
                ),
                stacklevel=4,
            )


def _where_tensors_hide(value):
    """Return where value has tensors, in words; None where none are seen."""
    if isinstance(value, np.ndarray):
        return "has tensors as elements" if value.dtype.hasobject and _any_tensor(value.flat) else None
    if isinstance(value, _SETS):
        return "has tensors as elements" if _any_tensor(value) else None
    if _is_iterator(type(value)):
        return "gives the tensors, if any, one by one as it is used up"
    if isinstance(value, tf.TensorArray):
        return "keeps its tensors for itself (pass what its stack() returns)"
    for name, attribute in _attributes(value):
        if _any_tensor(_items(attribute)):
            return "has tensors in its attribute {!r}".format(name)
    return None


def _attributes(value):
    if isinstance(value, slice):
        return [("start", value.start), ("stop", value.stop), ("step", value.step)]
    attributes = list(getattr(value, "__dict__", {}).items())
    for slot in _slots(type(value)):
        with contextlib.suppress(AttributeError):  # it may be empty
            attributes.append((slot.__name__, slot.__get__(value)))
    return attributes


def _slots(cls):
    """Return the descriptors of the attributes that cls declares by __slots__; to read one runs nobody's code."""
    return [item for base in cls.__mro__ for item in vars(base).values() if isinstance(item, _Slot)]


def _is_iterator(cls):
    return cls.__module__ in ("builtins", "itertools") and issubclass(cls, collections.abc.Iterator)


def _items(attribute):
    if isinstance(attribute, dict):
        return attribute.values()
    return attribute if isinstance(attribute, (list, tuple)) else (attribute,)


def _any_tensor(values):
    return any(_tf.is_tensor_type(type(value)) or _tf.is_composite_type(type(value)) for value in values)
