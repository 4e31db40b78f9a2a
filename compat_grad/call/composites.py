"""Composite tensors as a backward sees them: one leaf with one gradient, which is the gradient of its values.

Of the parts of a composite tensor only some have gradients: the values of a ragged or sparse tensor, not its indices or
row splits. Knows nothing of calls; that gradients fit is for others to check.
"""

from compat_grad import _tf


def join_gradients(leaf_skeletons, outputs, gradients):
    """Return one gradient for each leaf among the outputs of a call.

    That of a composite is the same composite with the gradients in the places of its values; None where it has none.

    Args:
      leaf_skeletons: of the leaves that the outputs are the parts of.
      outputs, gradients: tensors; None where an output's dtype has no gradient.
    """
    joined, start = [], 0
    for leaf in leaf_skeletons:
        if isinstance(leaf, type):
            joined.append(gradients[start])
            start += 1
            continue
        of_parts = gradients[start : start + leaf.n_parts]
        parts = [part if one is None else _tf.dense(one, part) for one, part in zip(of_parts, outputs[start:])]
        joined.append(None if all(one is None for one in of_parts) else leaf.join(parts))
        start += leaf.n_parts
    return joined


class WrongCount(Exception):
    """What a backward returned for a composite tensor has not as many gradients as that has values."""


def split_gradient(composite, gradient, parts):
    """Return a gradient for each part of a composite from what a backward returned for it: None where it has none.

    Args:
      composite: the `Composite`.
      gradient: None, or a composite tensor that holds the gradients, or just the gradient of the values.
      parts: its tensors.

    Raises:
      WrongCount: it holds gradients of fewer or more values than there are.
    """
    split, flowing = [None] * len(parts), _tf.flowing(parts)
    if gradient is None or not flowing:
        return split
    given = [gradient]
    slices_of_values = isinstance(gradient, _tf.IndexedSlices) and not issubclass(composite.cls, _tf.IndexedSlices)
    if _tf.is_composite_type(type(gradient)) and not slices_of_values:
        its_parts = _tf.composite_parts(gradient)[0]
        given = [its_parts[position] for position in _tf.flowing(its_parts)]
    if len(given) != len(flowing):
        raise WrongCount("{} gradients for {} tensors that have gradients".format(len(given), len(flowing)))
    for position, one in zip(flowing, given):
        split[position] = one
    return split
