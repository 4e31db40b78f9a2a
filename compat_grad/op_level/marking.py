"""Naming the gradients of ops while they are built: in the graph at hand for one thread, and in those nested in it."""

import threading
import weakref

from compat_grad import _tf
from compat_grad.strategies.graph import tie_vectorized


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
        return str.__eq__(self, other) and self._thread == threading.get_ident()

    def __ne__(self, other):
        return not self == other


class Marking:
    """A device function: TensorFlow shows it each op that is created, also those in nested graphs.

    It leaves the device alone and names the gradients of ops that the override map of the outer graph cannot reach.
    """

    def __init__(self, gradients, graph, private):
        self._gradients = gradients
        self._graph = weakref.ref(graph)  # a nested function's trace, which keeps this, may outlive the graph
        self._private = private  # whether nested functions are traced for us alone

    def __call__(self, op):
        rule = self._gradients.rules.get(op.type)
        if rule is not None:
            if op.graph is not self._graph() and (self._private or _tf.is_control_flow_body(op.graph)):
                _tf.name_gradient(op, self._gradients.names()[op.type])
            if _tf.gradient_name(op) == self._gradients.names()[op.type]:
                _tf.vectorize_natively_and(op, lambda outputs, inputs: tie_vectorized(outputs, inputs, rule.of(op)))
        return op.device
