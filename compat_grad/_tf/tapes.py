"""TensorFlow's tapes: recording by hand, who listens, which variables were read, and tensors that no tape knows.

The recorder moved from eager.tape to eager.record in late 2.x. Without it, strategies fall back on the public
tf.custom_gradient.
"""

import inspect

from compat_grad._tf.lookup import first, tf
from compat_grad._tf.modes import executing_eagerly
from compat_grad._tf.tensors import EagerTensor

record_operation = first(
    "tensorflow.python.eager.record.record_operation", "tensorflow.python.eager.tape.record_operation"
)
stop_recording = first("tensorflow.python.eager.record.stop_recording", "tensorflow.python.eager.tape.stop_recording")
VariableWatcher = first(
    "tensorflow.python.eager.record.VariableWatcher", "tensorflow.python.eager.tape.VariableWatcher"
)
GradientTape = getattr(tf, "GradientTape", None) or first("tensorflow.python.eager.backprop.GradientTape")
if record_operation is not None and "side_outputs" in inspect.signature(record_operation).parameters:
    record_operation = None  # 1.4: eager mode was not to be had yet
if record_operation is None or stop_recording is None:  # one is of no use without the other
    record_operation = stop_recording = None


def _unknown_tapes():
    return False  # act as if one were listening


def _of_tapes(name):
    """Return one of the functions that the extension module has for tapes, or None."""
    return first("tensorflow.python.pywrap_tfe." + name, "tensorflow.python.pywrap_tensorflow." + name)


_push_new_tape = first("tensorflow.python.eager.tape.push_new_tape")
_pop_tape = first("tensorflow.python.eager.tape.pop_tape")
_tapes_are_a_stack = _pop_tape is not None and not inspect.signature(_pop_tape).parameters  # 1.5
no_tapes = _of_tapes("TFE_Py_TapeSetIsEmpty") or _of_tapes("TFE_Py_TapeStackIsEmpty") or _unknown_tapes  # 1.5: stack

#: Whether a tape (no forward-mode accumulator) follows one of these tensors.
tapes_follow = first(
    "tensorflow.python.eager.record.should_record_backprop",
    "tensorflow.python.eager.tape.should_record_backprop",
    "tensorflow.python.eager.tape.should_record",  # to 2.0
) or (lambda tensors: not no_tapes())

_eager_identity = first("tensorflow.python.ops.gen_array_ops.identity")
_pack_tangents = _of_tapes("TFE_Py_PackJVPs")
# A method of the extension type; the class above it, which stands for its documentation, tells its parameters.
_copy_to_device = getattr(EagerTensor, "_copy_to_device", None)
_copy_takes_context = _copy_to_device is not None and any(
    "context" in inspect.signature(base._copy_to_device).parameters
    for base in EagerTensor.__mro__[1:]
    if hasattr(base, "_copy_to_device")
)
_context = first("tensorflow.python.eager.context.context")


_stop, _restart = _of_tapes("TFE_Py_TapeSetStopOnThread"), _of_tapes("TFE_Py_TapeSetRestartOnThread")
#: Whether somebody has stopped all recording (tf.recompute_grad, tf.init_scope).
recording_is_stopped = (_restart and _of_tapes("TFE_Py_TapeSetIsStopped")) or (lambda: False)


def nobody_listens():
    """Whether there is no tape, nor one that is only kept from recording: who does that may ask for variables.

    tf.recompute_grad does; and no_tapes() is true there.
    """
    return no_tapes() and not recording_is_stopped()


def _resume_recording():
    """Turn recording on, where somebody around us has stopped it; return whether that was so.

    What is traced meanwhile would stay as it was traced: a function with a tape of its own would give no gradient
    to anybody ever after. And before 2.3 variables are told to nobody but tapes that record.
    """
    stopped = None not in (_stop, _restart) and recording_is_stopped()
    if stopped:
        _restart()
    return stopped


class _WatchedReads:
    """Sees variables by a watcher of TensorFlow's own (2.3 and later)."""

    __slots__ = ("_stopped", "_tape", "_watcher")

    def __enter__(self):
        self._stopped = _resume_recording()
        # Functions that are traced already tell their variables only if a tape might record (or a graph is being
        # built): where none is, one that watches nothing.
        self._tape = GradientTape(watch_accessed_variables=False) if no_tapes() and executing_eagerly() else None
        if self._tape is not None:
            self._tape.__enter__()
        self._watcher = VariableWatcher()
        self._watcher.__enter__()
        return self

    def __exit__(self, *error):
        self._watcher.__exit__(*error)
        if self._tape is not None:
            self._tape.__exit__(*error)
        if self._stopped:
            _stop()

    def watched_variables(self):
        return self._watcher.watched_variables()


class _TapedReads:
    """Sees variables as a tape does, and everything else too."""

    def __enter__(self):
        self._stopped = _resume_recording()
        self._tape = _push_new_tape()
        return self

    def __exit__(self, *error):
        if _tapes_are_a_stack:
            self._tape = _pop_tape()
        else:
            _pop_tape(self._tape)
        if self._stopped:
            _stop()

    def watched_variables(self):
        # in no order at all before 1.12
        return sorted(self._tape.watched_variables(), key=lambda variable: variable.handle._id)


#: Context manager whose watched_variables() are the trainable ones that were read in it, in the order of creation.
VariableReads = (
    _WatchedReads if VariableWatcher else GradientTape if None in (_push_new_tape, _pop_tape) else _TapedReads
)

_delete_trace = _of_tapes("TFE_Py_TapeSetDeleteTrace") or first("tensorflow.python.eager.tape.delete_trace")
_new_number = first("tensorflow.python.framework.ops.uid")


def new_number():
    """Return a number between those of the tensors before and those after, or None where tensors cannot be told so."""
    return None if _new_number is None or _delete_trace is None else _new_number()


def forget_tensors_since(number):
    """Have the tapes forget how all tensors made since `new_number` came to be, which frees what only they held.

    A tape drops the record of a tensor that is gone, but a record may hold the tensor itself: with variables in it,
    it would keep all that was computed. Numbers are given to whatever is new; those that no tape knows do no harm.
    """
    if number is not None:
        for each in range(number + 1, _new_number()):
            _delete_trace(each)


def _alias_by_copy(tensor):
    # Shares the buffer and is not recorded. The device is named because without it the copy goes to the CPU.
    return tensor._copy_to_device(tensor.device)


def _alias_by_copy_in_context(tensor):  # to 1.14
    return tensor._copy_to_device(context=_context()._handle, device=tensor.device)


def _alias_by_op(tensor):
    if _eager_identity is None or stop_recording is None:
        return tf.stop_gradient(tensor)
    with stop_recording():
        return _eager_identity(tensor)  # not tf.identity: on 2.0 that returns the same object


#: Returns a new eager tensor over the same memory that no tape has seen.
alias = (
    _alias_by_op if _copy_to_device is None else _alias_by_copy_in_context if _copy_takes_context else _alias_by_copy
)


def made_since(number, tensors):
    """Return eager tensors as they are where they were made since `new_number`, and new ones for the others."""
    return [alias(tensor) if number is None or tensor._id < number else tensor for tensor in tensors]


def copy(tensor):
    """Return a new tensor of the same value, through which derivatives flow."""
    return (_eager_identity or tf.identity)(tensor)


def tangents_flow(tensors):
    """Whether a forward-mode accumulator (tf.autodiff.ForwardAccumulator) carries tangents of these tensors."""
    known = _pack_tangents is not None and stop_recording is not None
    return known and not no_tapes() and bool(_pack_tangents(tensors)[1])  # (indices, tangents)
