"""Gradients under a name of their own in TensorFlow's registry, one for each op in a function's body.

tf.saved_model.save asks for the gradient of each *name* once, and hands over no op. So each op needs a name, and the
function under it finds the op by itself. Nothing here keeps a graph alive: the name goes when the graph goes.
"""

import os
import weakref

from compat_grad import _tf
from compat_grad.saving.written import write


class NamedGradient:
    """The gradient of one op. Whoever builds with it keeps it; with it the name goes from TensorFlow's registry.

    Attributes:
      name: the registered name. A process that does not know it says so in an error, hence words.
      idle: whether gradients flow around the op, so that a SavedModel needs none.
    """

    __slots__ = ("__weakref__", "_find", "_function", "idle", "name", "title")

    def __init__(self, function, title, shared):
        self.title = title
        self.name = "{}: the gradient of {} was not saved ({})".format(shared, title, os.urandom(8).hex())
        self._function = function
        self._find = None
        self.idle = False
        _tf.register_gradient(self.name)(_asking(weakref.ref(self)))
        weakref.finalize(self, _tf.unregister_gradient, self.name).atexit = False

    def belongs_to(self, op):
        """Tell which op has this gradient."""
        self._find = weakref.ref(op)

    def __call__(self, op, *gradients):
        if op is not None:
            return self._function(op, *gradients)
        if self.idle:
            return [None] * len(gradients)
        return write(self._find(), gradients, self._function, self.title)


def _asking(named):
    @_tf.not_converted
    def gradient_of_op(op, *gradients):
        return named()(op, *gradients)

    return gradient_of_op


def name_of_its_own(function, title, graph, shared):
    """Return a `NamedGradient` for an op that is being built in graph, kept with graph and those around; or None.

    None where there is no need: outside of functions, in Defuns, of which no gradient is written, and where this
    TensorFlow writes none (before 2.6).

    Args:
      function: the gradient function ``(op, *output_gradients)``, for an op and for copies of it.
      title: how messages call the override.
      shared: the name that the gradient is registered under for all calls, which this one begins with.
    """
    if not (_tf.saves_gradients and _tf.is_function_graph(graph)) or _tf.is_defun_body(graph):
        return None
    named = NamedGradient(function, title, shared)
    for outer in _tf.outer_function_graphs(graph):
        _tf.keep_with(outer, named)
    return named


def name_shared_by_calls(name):
    """Return the registered name that an op's own begins with; other names, and None, as they are."""
    return name and name.partition(":")[0]


def stands_for(found, name):
    """Whether the name of an op's gradient is this one, or begins with it as one op's own does."""
    return name_shared_by_calls(found) == name


def must_be_tied(op):
    """Whether a SavedModel can have no gradient of op itself, which must be tied by another.

    The gradient is called with as many tensors, of such shapes, as op has inputs; and see `in_function_of_its_own`.
    """
    if not (_tf.saves_gradients and _tf.has_op_callbacks and _tf.is_function_graph(op.graph)):
        return False
    if len(op.outputs) != len(op.inputs) or not all(map(_tf.same_dtype_and_shape, op.outputs, op.inputs)):
        return True
    return in_function_of_its_own(op.graph)


def in_function_of_its_own(graph):
    """Whether an op built in graph must be in a function, so that a SavedModel's gradient of it can be computed."""
    return _tf.saves_gradients and _tf.loaded_bodies_know_functions and _tf.is_control_flow_body(graph)
