"""Gradients of op types that stand around a call are for its gradient, too, where that runs forward's code again.

A backward that recomputes (gradient checkpointing, ``op.native_gradient``) runs it long after what stood around the
call is done. So the call's vector-Jacobian product takes it along. Knows nothing of what the gradients are.
"""

import contextlib

from compat_grad import _tf
from compat_grad.saving import told

_standing = []  # (gradients, whether they reach what is built in a graph by the thread at hand), of all threads


@contextlib.contextmanager
def standing_around(gradients, reach):
    """Return the context in which calls take gradients along.

    Args:
      gradients: their ``in_backward()`` returns the context in which ops that a backward runs get them; ``rules`` are
        keyed by op types.
      reach: ``reach(graph)`` tells whether they are for what the thread at hand builds in a graph (None: executes).
    """
    entry = gradients, reach
    _standing.append(entry)
    try:
        yield
    finally:
        _standing.remove(entry)


def standing_now(graph):
    """Return the gradients that are for what this thread builds in a graph (None: executes), outermost first."""
    return [gradients for gradients, reach in list(_standing) if reach(graph)]


@contextlib.contextmanager
def inside_again(around):
    """Return the context of a backward of what had these gradients around it, outermost first."""
    with contextlib.ExitStack() as stack:
        for gradients in around:
            stack.enter_context(gradients.in_backward())
        yield


def with_what_stands_around(vjp):
    """Return a vector-Jacobian product that does what vjp does under all that stands around this call."""
    if not _standing:
        return vjp
    around = standing_now(None if _tf.executing_eagerly() else _tf.get_default_graph())
    return CallInside(vjp, around) if around else vjp


class CallInside:
    """The vector-Jacobian product of a call of an override inside of gradients of op types, outermost first."""

    __slots__ = ("_vjp", "_around", "name", "n_inputs", "__weakref__")

    def __init__(self, vjp, around):
        self._vjp = vjp
        self._around = around
        self.name = vjp.name
        self.n_inputs = vjp.n_inputs

    def input_gradients(self, inputs, outputs, output_gradients, op_name):
        with inside_again(self._around):
            return self._vjp.input_gradients(inputs, outputs, output_gradients, op_name)

    def tell(self):
        op_types = set().union(*[gradients.rules for gradients in self._around])
        return told.tell_inside(self._vjp.tell(), op_types)
