"""Nested structures as flat lists of leaves, and back.

A composite tensor (SparseTensor, RaggedTensor, IndexedSlices) is one leaf to whoever writes a backward, and several
tensors to TensorFlow: its *parts*. What is no composite is its own single part. Knows nothing of calls, signatures
or gradients' values.

What remains of a structure without its leaves is its *skeleton*, which is hashable and equal for structures alike: the
type of a leaf; a `Composite`; or (container, type, key, skeletons of the items).
"""

import itertools

from compat_grad import _tf
from compat_grad.call.containers import container_of

_COMPOSITE, _UNKNOWN = "composite tensor", "unknown"
_OPENS_AS = {}  # type -> `Container`, _COMPOSITE, or None for a leaf; as many as the program has types of arguments


def _opens_as(value):
    cls = type(value)
    if _tf.is_tensor_type(cls) or _tf.is_variable_type(cls) or _tf.is_keras_tensor_type(cls):
        found = None
    elif _tf.is_composite_type(cls):
        found = _COMPOSITE
    else:
        found = container_of(value)
    _OPENS_AS[cls] = found
    return found


class Composite:
    """What a composite tensor is without its parts."""

    __slots__ = ("_specification", "cls", "types")

    def __init__(self, cls, specification, types):
        self.cls = cls
        self._specification = specification
        self.types = types  # of the parts: eager tensors, or a graph's

    @property
    def n_parts(self):
        return len(self.types)

    def join(self, parts):
        """Return the composite tensor that is made of these parts."""
        return _tf.composite_of(self._specification, parts)

    def __eq__(self, other):
        return isinstance(other, Composite) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def _key(self):
        return self.cls, self.types, self._specification


def take_apart(value, parts):
    """Append the parts of value to a list; return its skeleton."""
    cls = type(value)
    opens_as = _OPENS_AS.get(cls, _UNKNOWN)
    if opens_as is _UNKNOWN:
        opens_as = _opens_as(value)
    if opens_as is None:
        parts.append(value)
        return cls
    if opens_as is _COMPOSITE:
        its_parts, specification = _tf.composite_parts(value)
        parts.extend(its_parts)
        return Composite(cls, specification, tuple(map(type, its_parts)))
    key, items = opens_as.open(value)
    return opens_as, cls, key, tuple([take_apart(item, parts) for item in items])


def leaves_of(value):
    """Return the leaves of a structure, composite tensors whole."""
    leaves = []
    _append_leaves(value, leaves)
    return leaves


def _append_leaves(value, leaves):
    opens_as = _OPENS_AS.get(type(value), _UNKNOWN)
    if opens_as is _UNKNOWN:
        opens_as = _opens_as(value)
    if opens_as is None or opens_as is _COMPOSITE:
        leaves.append(value)
        return
    for item in opens_as.open(value)[1]:
        _append_leaves(item, leaves)


def map_leaves(function, value):
    """Return a structure like value with ``function(leaf)`` for each leaf, composite tensors whole."""
    skeleton = take_apart(value, [])
    return builder(skeleton, whole=True)(map(function, leaves_of(value)))


# --- what a skeleton tells ------------------------------------------------------------------------------------


def is_leaf(skeleton):
    """Whether it is the skeleton of one leaf."""
    return isinstance(skeleton, (type, Composite))


def leaf_skeletons(skeleton):
    """Return the skeletons of the leaves in a skeleton."""
    if is_leaf(skeleton):
        return [skeleton]
    return [leaf for item in skeleton[3] for leaf in leaf_skeletons(item)]


def part_types(leaf_skeletons):
    """Return the types of the parts of leaves."""
    types = []
    for leaf in leaf_skeletons:
        types.extend(leaf.types if isinstance(leaf, Composite) else [leaf])
    return types


def of_parts(leaf_skeletons, positions):
    """Return those of leaves that have the parts at some positions, which are all or none of each leaf's."""
    chosen, start = [], 0
    for leaf in leaf_skeletons:
        n_parts = leaf.n_parts if isinstance(leaf, Composite) else 1
        if n_parts and start in positions:
            chosen.append(leaf)
        start += n_parts
    return chosen


def builder(skeleton, whole=False):
    """Return the function that builds such a structure of what it takes from an iterator over parts.

    Args:
      whole: whether it is to be an iterator over leaves, with composite tensors whole.
    """
    if isinstance(skeleton, type) or (whole and isinstance(skeleton, Composite)):
        return next
    if isinstance(skeleton, Composite):
        return lambda parts: skeleton.join(list(itertools.islice(parts, skeleton.n_parts)))
    container, cls, key, items = skeleton
    close, builders = container.closer(cls, key), [builder(item, whole) for item in items]
    return lambda parts: close([build(parts) for build in builders])


def text(skeleton, texts):
    """Return a structure as a readable text, with what an iterator over its parts gives at its leaves."""
    if isinstance(skeleton, type):
        return next(texts)
    if isinstance(skeleton, Composite):
        return "composite({})".format(", ".join(itertools.islice(texts, skeleton.n_parts)))
    container, cls, key, items = skeleton
    return container.text(cls, key, [text(item, texts) for item in items])


def paths(skeleton, prefix=""):
    """Return a readable path for each leaf, such as ``['w'][0]``."""
    if is_leaf(skeleton):
        return [prefix]
    container, _, key, items = skeleton
    return [path for index, item in enumerate(items) for path in paths(item, prefix + container.path(key, index))]


def has_names(value):
    """Whether there are names, of items of mappings, in a structure."""
    return _has_names(take_apart(value, []))


def _has_names(skeleton):
    if is_leaf(skeleton):
        return False
    container, _, key, skeletons = skeleton
    return container.names(key) is not None or any(map(_has_names, skeletons))


def described(value):
    """Return a structure in words."""
    return text(take_apart(value, []), itertools.repeat("..."))


def spread(skeleton, value, leaves, is_needed):
    """Append what value has for each leaf of a skeleton to leaves; return whether value has that structure.

    None stands for all leaves of the structure in whose place it is.

    Args:
      is_needed: function of a skeleton, whether a mapping has to have an item of a name that has such a one.
    """
    if value is None:
        leaves.extend([None] * len(leaf_skeletons(skeleton)))
        return True
    opens_as = _OPENS_AS.get(type(value), _UNKNOWN)
    if opens_as is _UNKNOWN:
        opens_as = _opens_as(value)
    is_container = opens_as is not None and opens_as is not _COMPOSITE
    if is_leaf(skeleton):
        leaves.append(value)
        return not is_container
    if not is_container:
        return False
    container, _, key, skeletons = skeleton
    its_key, items = opens_as.open(value)
    names, its_names = container.names(key), opens_as.names(its_key)
    if names is not None and its_names is not None:
        by_name = dict(zip(its_names, items))
        lacking = [skeleton for name, skeleton in zip(names, skeletons) if name not in by_name]
        if not set(by_name) <= set(names) or any(map(is_needed, lacking)):
            return False
        items = [by_name.get(name) for name in names]
    elif len(items) != len(skeletons) or names != its_names:
        return False
    return all(spread(*pair, leaves, is_needed) for pair in zip(skeletons, items))


def join(leaf_skeletons, parts):
    """Return the leaves of these skeletons that are made of these parts."""
    parts = iter(parts)
    return [builder(skeleton)(parts) for skeleton in leaf_skeletons]
