"""Nested structures as flat lists of leaves, and back.

A leaf is whatever TensorFlow's own ``nest`` calls one; composite tensors (SparseTensor, RaggedTensor, IndexedSlices)
count as their component tensors, in every version. Knows nothing of calls, signatures or gradients.
"""

from compat_grad import _tf


class Packer:
    """The way from a flat list of leaves back to the structure that `flatten` took apart."""

    __slots__ = ("_skeleton", "_spans")

    def __init__(self, skeleton, spans):
        self._skeleton = skeleton  # the structure with None at its leaves, so that no tensor is kept alive
        self._spans = spans  # for each leaf of the skeleton: (how many leaves it was taken apart into, rebuild)

    def __call__(self, leaves):
        """Return the structure with these leaves in place."""
        packed, start = [], 0
        for length, rebuild in self._spans:
            part = leaves[start : start + length]
            packed.append(part[0] if rebuild is None else rebuild(part))
            start += length
        return _tf.nest.pack_sequence_as(self._skeleton, packed)

    def text(self, names):
        """Return the structure as a readable text with these names at its leaves."""
        parts, start = [], 0
        for length, rebuild in self._spans:
            part = names[start : start + length]
            parts.append(_Name(part[0] if rebuild is None else "composite({})".format(", ".join(part))))
            start += length
        return repr(_tf.nest.pack_sequence_as(self._skeleton, parts))

    def paths(self, prefix=""):
        """Return a readable path for each leaf, such as ``['w'][0]``."""
        paths = []
        for path, (length, rebuild) in zip(_paths(self._skeleton, prefix), self._spans):
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
    return leaves, Packer(_tf.nest.map_structure(lambda leaf: None, structure), spans)


def flatten_gradients(gradients):
    """Return the leaves of what a backward returned: IndexedSlices are one gradient, other composites their parts."""
    leaves = []
    for leaf in _tf.nest.flatten(gradients):
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
