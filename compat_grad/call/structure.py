"""Nested structures as flat lists of leaves, and back.

A leaf is whatever TensorFlow's own ``nest`` calls one; composite tensors (SparseTensor, RaggedTensor, IndexedSlices)
count as their component tensors, in every version. Knows nothing of calls, signatures or gradients.
"""

import itertools

from compat_grad import _tf


class Packer:
    """The way from a flat list of leaves back to the structure that `flatten` took apart; holds none of its leaves."""

    __slots__ = ("_build", "_has_composites", "_spans")

    def __init__(self, build, spans):
        self._build = build  # from an iterator over what nest calls leaves
        self._spans = spans  # for each of those: (how many leaves it was taken apart into, rebuild)
        self._has_composites = any(span is not _LEAF for span in spans)

    def __call__(self, leaves):
        """Return the structure with these leaves in place."""
        if not self._has_composites:
            return self._build(iter(leaves))
        packed, start = [], 0
        for length, rebuild in self._spans:
            part = leaves[start : start + length]
            packed.append(part[0] if rebuild is None else rebuild(part))
            start += length
        return self._build(iter(packed))

    def text(self, names):
        """Return the structure as a readable text with these names at its leaves."""
        parts, start = [], 0
        for length, rebuild in self._spans:
            part = names[start : start + length]
            parts.append(_Name(part[0] if rebuild is None else "composite({})".format(", ".join(part))))
            start += length
        return repr(self._build(iter(parts)))

    def paths(self, prefix=""):
        """Return a readable path for each leaf, such as ``['w'][0]``."""
        paths = []
        for path, (length, rebuild) in zip(_paths(self._build(itertools.repeat(None)), prefix), self._spans):
            if rebuild is None:
                paths.append(path)
            else:
                paths.extend("{} (component {})".format(path, index) for index in range(length))
        return paths


class _Name(str):
    __repr__ = str.__str__


_LEAF = (1, None)


def flatten(structure):
    """Return (leaves, packer) of a nested structure; ``packer(leaves)`` gives the structure back."""
    leaves, spans = [], []
    for leaf in _tf.nest.flatten(structure):
        if _tf.is_composite_type(type(leaf)):
            parts, rebuild = _tf.composite_parts(leaf)
            leaves.extend(parts)
            spans.append((len(parts), rebuild))
        else:
            leaves.append(leaf)
            spans.append(_LEAF)
    return leaves, Packer(_builder(structure), spans)


def _builder(structure):
    """Return the function that takes nest's leaves from an iterator and builds such a structure with them.

    Lists, tuples and dicts are built right away; nest, which goes through the whole structure in Python again each
    time, builds the others.
    """
    cls = type(structure)
    if cls in (list, tuple):
        parts = [_builder(item) for item in structure]
        return lambda leaves: cls([part(leaves) for part in parts])
    if cls is dict:
        parts = [(key, _builder(structure[key])) for key in sorted(structure)]
        order = list(structure)
        return lambda leaves: _in_order(order, {key: part(leaves) for key, part in parts})
    flat = _tf.nest.flatten(structure)
    if len(flat) == 1 and flat[0] is structure:
        return next
    skeleton, n_leaves = _tf.nest.map_structure(lambda leaf: None, structure), len(flat)
    return lambda leaves: _tf.nest.pack_sequence_as(skeleton, list(itertools.islice(leaves, n_leaves)))


def _in_order(keys, values):
    return {key: values[key] for key in keys}


def leaves(structure):
    """Return the leaves of a nested structure alone, where the way back is known."""
    flat = _tf.nest.flatten(structure)
    if not any(map(_tf.is_composite_type, map(type, flat))):
        return flat
    return flatten(structure)[0]


def flatten_gradients(gradients):
    """Return the leaves of what a backward returned: IndexedSlices are one gradient, other composites their parts."""
    flat = _tf.nest.flatten(gradients)
    if not any(map(_tf.is_composite_type, map(type, flat))):
        return flat
    leaves = []
    for leaf in flat:
        if _tf.is_composite_type(type(leaf)) and not isinstance(leaf, _tf.IndexedSlices):
            leaves.extend(_tf.composite_parts(leaf)[0])
        else:
            leaves.append(leaf)
    return leaves


def _paths(skeleton, prefix):
    if isinstance(skeleton, dict):
        items = [("[{!r}]".format(key), skeleton[key]) for key in sorted(skeleton)]
    elif isinstance(skeleton, tuple) and hasattr(skeleton, "_fields"):
        items = [("." + field, getattr(skeleton, field)) for field in skeleton._fields]
    elif isinstance(skeleton, (list, tuple)):
        items = [("[{}]".format(index), value) for index, value in enumerate(skeleton)]
    else:
        return [prefix] * len(_tf.nest.flatten(skeleton))
    return [path for suffix, value in items for path in _paths(value, prefix + suffix)]
