"""Being told of every op that a thread executes or builds, by all means that the running TensorFlow has for it."""

import contextlib

from compat_grad import _tf


@contextlib.contextmanager
def told_of_all_ops(executed, built, graph):
    """Return the context in which this thread is told of each op, once.

    Args:
      executed: ``executed(op, outputs, recorded_inputs)``, see `_tf.told_of_ops`.
      built: ``built(op)``.
      graph: a graph besides the default one that ops may be added to.
    """

    def see(op):
        if not hasattr(op, seen):
            setattr(op, seen, True)
            built(op)

    def show(op):  # a device function
        see(op)
        return op.device

    seen = "_compat_grad_seen_by_{}".format(id(see))
    with contextlib.ExitStack() as stack:
        if _tf.tells_of_executed_ops:
            stack.enter_context(_tf.told_of_ops(executed, see))
        stack.enter_context(_tf.told_of_python_functions(executed, as_in_a_graph=False))
        if not _tf.executing_eagerly():
            stack.enter_context(_tf.shown_operations(_tf.get_default_graph(), show))
        elif not _tf.is_function_graph(graph):
            stack.enter_context(_tf.shown_operations(graph, show))
        yield
