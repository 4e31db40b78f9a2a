"""Naming the gradients of ops while they are built: in the graph at hand for one thread, and in those nested in it."""

import contextlib
import functools
import threading
import weakref

from compat_grad import _tf
from compat_grad.strategies.order import gradients_after_reads
from compat_grad.strategies.tape import record

_suspended = threading.local()  # .depth: how many ops of ours this thread is connecting


@contextlib.contextmanager
def for_our_own_ops():
    """Return the context for what an override builds itself: none of it is overridden."""
    _suspended.depth = getattr(_suspended, "depth", 0) + 1
    try:
        yield
    finally:
        _suspended.depth -= 1


class OfThisThread(str):
    """An op type that only the thread that made it finds in a graph's override map.

    The map is state of the graph, not of a thread: a second thread building in the same graph would get the override.
    """

    __hash__ = str.__hash__

    def __new__(cls, op_type):
        self = super().__new__(cls, op_type)
        self._thread = threading.get_ident()
        return self

    def __eq__(self, other):
        mine = str.__eq__(self, other) and self._thread == threading.get_ident()
        return mine and not getattr(_suspended, "depth", 0)

    def __ne__(self, other):
        return not self == other


class Marking:
    """A device function: TensorFlow shows it each op that is created, also those in nested graphs.

    It leaves the device alone and names the gradients of ops that the override map of the outer graph cannot reach. A
    tape that listens while a graph is built looks gradients up by op type alone: it is told of the override by hand.
    """

    def __init__(self, gradients, graph, private):
        self._gradients = gradients
        # weakly: a nested function's trace, which keeps this, may outlive the graph
        self._graph = (lambda: None) if graph is None else weakref.ref(graph)
        self._private = private  # whether nested functions are traced for us alone

    def __call__(self, op):
        self.see(op)
        return op.device

    def see(self, op):
        """Do all that op needs which has just been built; more than once is as well."""
        rule = None if getattr(_suspended, "depth", 0) else self._gradients.rules.get(op.type)
        if rule is None:
            return
        if op.graph is not self._graph() and (self._private or _tf.is_control_flow_body(op.graph)):
            _tf.name_gradient(op, self._gradients.names()[op.type])
        if _tf.gradient_name(op) != self._gradients.names()[op.type] or was_seen(op):
            return
        op._compat_grad_seen = True
        if not _tf.vectorized_ops_can_be_tied:
            _tf.refuse_to_vectorize(op)
        if self._graph() is None:  # of eager calls, which have no graph to keep it
            for graph in _tf.outer_function_graphs(op.graph):
                _tf.keep_with(graph, rule)
        if tapes_listen():
            _record_instead(op, rule)


def was_seen(op):
    """Whether a `Marking` has seen an op while it was built."""
    return hasattr(op, "_compat_grad_seen")


def tapes_listen():
    """Whether there is a tape, as far as this TensorFlow lets itself be asked, that can be told of an override."""
    return _tf.record_operation is not None and not _tf.no_tapes()


def _record_instead(op, rule):
    """Record op with the gradient of rule, and have TensorFlow, which would record its own next, find nothing to do."""
    inputs = list(op.inputs)
    with for_our_own_ops():  # forward mode calls the gradient right away
        _tf.detach_inputs(op)
        record(list(op.outputs), inputs, functools.partial(gradients_after_reads, rule.of(op)), op.name)
