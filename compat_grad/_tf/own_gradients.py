"""The gradients that tf.custom_gradient and tf.recompute_grad tell tapes of in eager mode, and how to exchange them."""

import contextlib
import sys

from compat_grad._tf.lookup import first
from compat_grad._tf.threads import Lock, this_thread

_context = first("tensorflow.python.eager.context.context")

_decorator = first("tensorflow.python.ops.custom_gradient._eager_mode_decorator")
_names = getattr(_decorator, "__globals__", {})
_records = _names.get("record") or _names.get("tape_lib")  # the module that it asks, by name, to record

#: Whether this TensorFlow lets them be exchanged.
tells_of_own_gradients = hasattr(_records, "record_operation")

_own = getattr(_records, "record_operation", None)
_patching = Lock()
_told = []  # of all threads: (its number, its op callbacks, wrap), the outermost first


@contextlib.contextmanager
def own_gradients_wrapped(wrap):
    """Return the context in which a tape is told ``wrap(backward)`` for what a custom gradient's backward is.

    In this thread, and those that TensorFlow starts to work for it. Where `tells_of_own_gradients` is not so: nowhere.
    """
    if not tells_of_own_gradients:
        yield
        return
    entry = this_thread(), _op_callbacks(), wrap
    with _patching:
        _told.append(entry)
        _records.record_operation = _record_wrapped
    try:
        yield
    finally:
        with _patching:
            _told.remove(entry)
            if not _told:
                _records.record_operation = _own


def _op_callbacks():
    """Return the list that a thread hands on, itself, to those that TensorFlow starts to work for it; None without."""
    return getattr(_context and _context(), "op_callbacks", None)


def _record_wrapped(op_type, output_tensors, input_tensors, backward_function, *more, **keywords):  # TensorFlow's names
    if sys._getframe(1).f_globals is _names:
        callbacks = _op_callbacks()
        for thread, its_callbacks, wrap in reversed(list(_told)):
            if thread is this_thread() or (callbacks is not None and callbacks is its_callbacks):
                backward_function = wrap(backward_function)
    return _own(op_type, output_tensors, input_tensors, backward_function, *more, **keywords)
