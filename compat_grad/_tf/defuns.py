"""TensorFlow 1's Defun: being told of each call of one, and its gradient in the words of a gradient function.

Knows nothing of tapes.
"""

import contextlib

from compat_grad._tf.lookup import first, v1
from compat_grad._tf.modes import is_function_graph
from compat_grad._tf.threads import Lock

_Defun = first("tensorflow.python.framework.function._DefinedFunction")
_own = None if _Defun is None else _Defun.__call__
_patching = Lock()
_told = []  # of all threads: who wants to be told


@contextlib.contextmanager
def told_of_defuns(called):
    """Return the context in which the whole process tells of each call of a Defun in a graph: ``called(op)``."""
    if _own is None:
        yield
        return
    with _patching:
        _told.append(called)
        _Defun.__call__ = _call_and_tell
    try:
        yield
    finally:
        with _patching:
            _told.remove(called)
            if not _told:
                _Defun.__call__ = _own


def _call_and_tell(self, *args, **kwargs):
    result = _own(self, *args, **kwargs)
    first_output = result[0] if isinstance(result, (list, tuple)) and result else result
    op = getattr(first_output, "op", None)
    if op is not None:
        if getattr(self, "_grad_func", None) is not None and is_function_graph(op.graph):
            setattr(op, "__defun", _GradientInPython(self))
        for called in list(dict.fromkeys(_told)):
            called(op)
    return result


class _GradientInPython:
    """A Defun whose gradient is another Defun, as one whose gradient calls that: functions know no other way."""

    def __init__(self, defun):
        self._defun = defun

    def __getattr__(self, name):
        return getattr(self._defun, name)

    def python_grad_func(self, op, *output_gradients):
        return self._defun._grad_func(*(list(op.inputs) + list(output_gradients)))


def defun_gradients(op, *output_gradients):
    """Return the gradients of the call of a Defun by its inputs, as tf.gradients has them."""
    inputs = list(op.inputs)
    with op.graph.as_default():
        return v1.gradients(list(op.outputs), inputs, list(output_gradients), stop_gradients=inputs)
