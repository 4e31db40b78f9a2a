"""The means to differentiate: ``differentiate(f, inputs, output_gradients)`` returns (outputs, gradients), and nests.

Knows nothing of where it runs.
"""

import numpy as np

from compat_grad import _tf
from compat_grad._tf import tf, v1


def flat(outputs):
    """Return outputs as a flat list of tensors."""
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def by_tape(f, inputs, output_gradients=None):
    """Differentiate f by a gradient tape."""
    with _tf.GradientTape() as tape:
        for x in inputs:
            tape.watch(x)
        outputs = f(*inputs)
        target = _weighted_sum(flat(outputs), output_gradients)
    return outputs, tape.gradient(target, list(inputs))


def by_gradients(f, inputs, output_gradients=None):
    """Differentiate f by tf.gradients."""
    outputs = f(*inputs)
    return outputs, v1.gradients(_weighted_sum(flat(outputs), output_gradients), list(inputs))


def by_tape_outside(f, inputs, output_gradients=None):
    """Differentiate a traced f by a tape around its call."""
    if hasattr(f, "autograph_info__") and not _tf.has_autograph():
        # AutoGraph of 1.14 converts what tf.function is given, whatever that says of itself, and all that it calls.
        return by_tape(tf.function(f, autograph=False), inputs, output_gradients)
    return by_tape(tf.function(f), inputs, output_gradients)


def by_forward_mode(f, inputs, output_gradients=None):
    """Differentiate f by forward mode: a run for each element of each input."""
    outputs, gradients = f(*inputs), []
    for x in inputs:
        units = np.eye(int(np.prod(x.shape.as_list())), dtype=x.dtype.as_numpy_dtype)
        columns = [tf.constant(unit.reshape(x.shape.as_list())) for unit in units]
        gradients.append(tf.reshape(tf.stack([_along(f, inputs, x, c, output_gradients) for c in columns]), x.shape))
    return outputs, gradients


def _along(f, inputs, x, tangent, weights):
    with tf.autodiff.ForwardAccumulator(x, tangent) as accumulator:
        target = _weighted_sum(flat(f(*inputs)), weights)
    return accumulator.jvp(target, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def _weighted_sum(outputs, weights):
    """Return a scalar (a tape of 1.7 takes no list of targets) of the outputs that have gradients."""
    if weights is None:
        weights = [1.0] * len(outputs)
    terms = [
        tf.reduce_sum(y * (w.astype(y.dtype.as_numpy_dtype) if isinstance(w, np.ndarray) else w))
        for y, w in zip(outputs, weights)
        if w is not None and (y.dtype.is_floating or y.dtype.is_complex)
    ]
    return tf.add_n(terms)


class EveryWeight:
    """An endless list of factors for the outputs, all different, exact in every floating point type."""

    def __iter__(self):
        return iter([2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0])
