"""Gradients that forward's own code brings along (tf.custom_gradient, tf.recompute_grad), called as forward is.

They build ops of their own while the gradient is built, long after forward is done, and may differentiate those. So an
op that has such a gradient gets one that calls it, with the override applied to what it builds. Knows nothing of what
the override's gradients are.
"""

import os
import weakref

from compat_grad import _tf
from compat_grad._tf import tf
from compat_grad.call.around import inside_again, standing_now

_CARRIER = "IdentityN"  # the op that tf.custom_gradient puts its name on
_OURS = "compat_grad"  # what the names begin with that this package registers


def wrap_gradient(op, gradients):
    """Name another gradient for an op that has one of forward's own; return what it does, or None for other ops.

    Args:
      op: an op that was built just now.
      gradients: the `OpGradients` that have seen it; all that stand around it are applied, these at least.
    """
    name = _tf.gradient_name(op) if op.type == _CARRIER else None
    if name is None or name.startswith(_OURS):
        return None
    wrapped = _Wrapped(name, standing_now(op.graph) or [gradients])
    op._set_attr("_gradient_op_type", _tf.AttrValue(s=wrapped.name.encode()))
    for graph in _tf.outer_function_graphs(op.graph):
        _tf.keep_with(graph, wrapped)
    return wrapped


class _Wrapped:
    """A registered gradient under another name; kept by the graphs that have ops of this name, and by them alone."""

    def __init__(self, original, around):
        self.name = "{}_around_{}".format(_OURS, os.urandom(16).hex())
        self._original = original
        self._around = around
        _tf.register_gradient(self.name)(_gradient_function(weakref.ref(self)))
        weakref.finalize(self, _tf.unregister_gradient, self.name)

    def __call__(self, op, *output_gradients):
        with inside_again(self._around):
            return _tf.registered_gradient(self._original)(op, *output_gradients)


def _gradient_function(wrapped):
    @_tf.not_converted
    def gradient_of_op(op, *output_gradients):
        return wrapped()(op, *output_gradients)

    return gradient_of_op


def is_wrapped(op):
    """Whether an op has a gradient of forward's own."""
    return op.type == _CARRIER and (_tf.gradient_name(op) or "").startswith(_OURS + "_around_")


def builds_ops_of(op, gradients):
    """Whether the gradient of a wrapped op of a traced graph builds ops that the `OpGradients` are for: tries it."""

    @_tf.not_converted
    def gradient(*output_gradients):
        found = _tf.registered_gradient(_tf.gradient_name(op))(op, *output_gradients)
        return [gradient for gradient in found if gradient is not None]

    function = _tf.new_function(gradient)  # which keeps the graph
    with op.graph.as_default():
        graph = _tf.trace(function, [tf.TensorSpec(output.shape, output.dtype) for output in op.outputs])
    return gradients.marked_in(graph)


def record_wrapped(op, wrapped):
    """Tell tapes of a wrapped gradient: tf.custom_gradient has told them its own, and the last word counts."""
    if not _tf.tapes_follow(list(op.outputs)):
        return
    flowing = _tf.flowing(list(op.outputs))

    def backward(*output_gradients):
        given = dict(zip(flowing, output_gradients))
        found = wrapped(op, *[given.get(index) for index in range(len(op.outputs))])
        return [found[index] for index in flowing]

    outputs, inputs = list(op.outputs), list(op.inputs)
    _tf.record_operation(
        _CARRIER, [outputs[index] for index in flowing], [inputs[index] for index in flowing], backward
    )
