"""TensorFlow 1's Defun: being told of each call of one, and its gradient in the words of a gradient function.

Knows nothing of tapes.
"""

import contextlib
import sys

from compat_grad._tf.lookup import first, v1
from compat_grad._tf.modes import get_default_graph, is_function_graph
from compat_grad._tf.pass_through import DefunBody, method_that_creates_ops
from compat_grad._tf.registry import AttrValue
from compat_grad._tf.tensors import flowing
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


# --- gradients in the body of one ------------------------------------------------------------------------------


def is_defun_body(graph):
    """Whether graph is the body of a Defun.

    TensorFlow differentiates a call of it by ops that the runtime makes of the body's ops, of which each has the
    gradient of its type, whatever is written on it. Only gradients asked for inside the body are built in Python.
    """
    return DefunBody is not None and isinstance(graph, DefunBody)


def has_own_gradient(op):
    """Whether op calls a Defun that was given a gradient, so that nobody differentiates its body."""
    defun = getattr(op, "__defun", None)
    if defun is None:
        defun = op.graph._get_function(op.type)
    return _has_gradient(defun)


def _has_gradient(defun):
    return any(getattr(defun, name, None) is not None for name in ("_grad_func", "_python_grad_func"))


def sealed(tensors, override):
    """Return tensors of the body of a Defun such that an error is what comes of differentiating a call of it.

    Through an op whose type the runtime has no gradient of; and where TensorFlow lets Python say what the gradient of
    the Defun is, that says why there is none. Gradients asked for inside the body go through, as through tf.identity.

    Args:
      tensors: what an override has returned.
      override: its name.
    """
    frame = sys._getframe(1)
    while frame is not None:
        building = frame.f_locals.get("self")
        if _Defun is not None and isinstance(building, _Defun) and not _has_gradient(building):
            building._python_grad_func = _refusing(override)
        frame = frame.f_back
    passed = list(tensors)
    for position in flowing(passed):
        passed[position] = _sealed(passed[position])
    return passed


def _refusing(override):
    def no_gradient(op, *output_gradients):
        raise ValueError(
            "override_gradient {!r}: it is called inside a Defun, and TensorFlow's runtime differentiates the call "
            "{!r} of that with the native gradients of the ops in it. Make it a plain Python function or a "
            "tf.function, give the Defun a python_grad_func, or call the override outside (a surrogate can have "
            "strategy='stop_gradient').".format(override, op.name)
        )

    return no_gradient


def _sealed(tensor):
    dtype = tensor.dtype.base_dtype
    attributes = {
        "dtype": AttrValue(type=dtype.as_datatype_enum),
        "shape": AttrValue(shape=tensor.get_shape().as_proto()),
        "_gradient_op_type": AttrValue(s=b"Identity"),
    }
    graph, op_type = get_default_graph(), "PlaceholderWithDefault"
    create_op = method_that_creates_ops(type(graph))
    name = "gradient_by_compat_grad_is_lost_outside_of_a_Defun"
    return create_op(graph, op_type, [tensor], [dtype], name=name, attrs=attributes).outputs[0]
