"""TensorFlow's tapes: recording by hand, who listens, which variables were read, and tensors that no tape knows.

The recorder moved from eager.tape to eager.record in late 2.x. Without it, strategies fall back on the public
tf.custom_gradient.
"""

import contextlib
import inspect

from compat_grad._tf.lookup import first, tf
from compat_grad._tf.modes import executing_eagerly
from compat_grad._tf.tensors import EagerTensor, differentiable, flows

record_operation = first(
    "tensorflow.python.eager.record.record_operation", "tensorflow.python.eager.tape.record_operation"
)
stop_recording = first("tensorflow.python.eager.record.stop_recording", "tensorflow.python.eager.tape.stop_recording")
GradientTape = getattr(tf, "GradientTape", None) or first("tensorflow.python.eager.backprop.GradientTape")
if record_operation is not None and "side_outputs" in inspect.signature(record_operation).parameters:
    record_operation = None  # pragma: no cover (1.4, which had no eager mode yet)
if record_operation is None or stop_recording is None:  # one is of no use without the other
    record_operation = stop_recording = None


def _unknown_tapes():
    return False  # act as if one were listening


def _of_tapes(name):
    """Return one of the functions that the extension module has for tapes, or None."""
    return first("tensorflow.python.pywrap_tfe." + name, "tensorflow.python.pywrap_tensorflow." + name)


# What the classes and functions of eager.record and eager.tape pass everything on to: a call has no time for both.
_new_watcher, _remove_watcher, _read_watcher = (
    _of_tapes("TFE_Py_VariableWatcher" + name)
    for name in ("New", "Remove", "WatchedVariables")  # from 2.3
)
_new_tape = _of_tapes("TFE_Py_TapeSetNew") or _of_tapes("TFE_Py_TapeStackPushNew")
_remove_tape, _pop_tape = _of_tapes("TFE_Py_TapeSetRemove"), _of_tapes("TFE_Py_TapeStackPop")  # 1.5: a stack of tapes
_read_tape = _of_tapes("TFE_Py_TapeWatchedVariables")
_push_new_tape = first("tensorflow.python.eager.tape.push_new_tape")
_options_of_tapes = (
    () if _push_new_tape is None else [one.default for one in inspect.signature(_push_new_tape).parameters.values()]
)
no_tapes = _of_tapes("TFE_Py_TapeSetIsEmpty") or _of_tapes("TFE_Py_TapeStackIsEmpty") or _unknown_tapes  # 1.5: stack

#: Whether a tape (no forward-mode accumulator) follows one of these tensors.
tapes_follow = first(
    "tensorflow.python.eager.record.should_record_backprop",
    "tensorflow.python.eager.tape.should_record_backprop",
    "tensorflow.python.eager.tape.should_record",  # to 2.0
) or (lambda tensors: not no_tapes())

_eager_identity = first("tensorflow.python.ops.gen_array_ops.identity")
_pack_tangents = None if stop_recording is None else _of_tapes("TFE_Py_PackJVPs")
# A method of the extension type; the class above it, which stands for its documentation, tells its parameters.
_copy_to_device = getattr(EagerTensor, "_copy_to_device", None)
_copy_takes_context = _copy_to_device is not None and any(
    "context" in inspect.signature(base._copy_to_device).parameters
    for base in EagerTensor.__mro__[1:]
    if hasattr(base, "_copy_to_device")
)
_context = first("tensorflow.python.eager.context.context")


_stop, _restart = _of_tapes("TFE_Py_TapeSetStopOnThread"), _of_tapes("TFE_Py_TapeSetRestartOnThread")
#: Whether somebody has stopped all recording (tf.recompute_grad, tf.init_scope), and it can be turned on again.
recording_is_stopped = (None not in (_stop, _restart) and _of_tapes("TFE_Py_TapeSetIsStopped")) or (lambda: False)


@contextlib.contextmanager
def recording_resumed():
    """Return the context in which tapes record where somebody around us has stopped that for a while."""
    stopped = recording_is_stopped()
    if stopped:
        _restart()
    try:
        yield
    finally:
        if stopped:
            _stop()


def recording_as_around(op_type, stopped):
    """Return the context in which tapes may be told of an op of this type which has just been made.

    tf.stop_gradient (in late 2.x) stops recording while its op is made, which is not to be told from a caller's wish.

    Args:
      op_type: the type of the op.
      stopped: `recording_is_stopped` of the code that the op was made in.
    """
    return recording_resumed() if op_type == "StopGradient" and not stopped else contextlib.ExitStack()


def nobody_listens():
    """Whether there is no tape, nor one that is only kept from recording: who does that may ask for variables.

    tf.recompute_grad does; and no_tapes() is true there.
    """
    return no_tapes() and not recording_is_stopped()


# Reads are watched with recording turned on, where somebody around us has stopped it. What is traced meanwhile would
# stay as it was traced: a function with a tape of its own would give no gradient to anybody ever after. And before 2.3
# variables are told to nobody but tapes that record.


def _watch_reads(function):
    """By a watcher of TensorFlow's own (2.3 and later)."""
    stopped = recording_is_stopped()
    if stopped:
        _restart()
    # Functions that are traced already tell their variables only if a tape might record (or a graph is being built):
    # where none is, one that watches nothing.
    tape = GradientTape(watch_accessed_variables=False) if no_tapes() and executing_eagerly() else None
    if tape is not None:
        tape.__enter__()
    watcher = _new_watcher()
    try:
        result = function()
    finally:
        _remove_watcher(watcher)
        if tape is not None:
            tape.__exit__(None, None, None)
        if stopped:
            _stop()
    return result, _read_watcher(watcher)


def _tape_reads(function):
    """By a tape, which sees everything else too."""
    stopped = recording_is_stopped()
    if stopped:
        _restart()
    tape = _new_tape(*_options_of_tapes)
    try:
        result = function()
    finally:
        if _pop_tape is None:
            _remove_tape(tape)
        else:  # pragma: no cover (1.5)
            tape = _pop_tape()
        if stopped:
            _stop()
    found = _read_tape(tape)
    # in no order at all before 1.12
    return result, sorted(found, key=lambda variable: variable.handle._id) if found else found


def _tape_reads_in_public(function):
    with GradientTape() as tape:
        result = function()
    return result, tape.watched_variables()


def _no_reads(function):
    """Where there are no tapes (to 1.4): variables are found in the graph."""
    return function(), []


#: Calls a function; returns (what it returned, the trainable variables that it read, in the order of creation).
told_of_reads = (
    _watch_reads
    if None not in (_new_watcher, _remove_watcher, _read_watcher)
    else _tape_reads
    if None not in (_push_new_tape, _new_tape, _remove_tape or _pop_tape, _read_tape)
    else _tape_reads_in_public
    if GradientTape is not None
    else _no_reads
)

_delete_trace = _of_tapes("TFE_Py_TapeSetDeleteTrace") or first("tensorflow.python.eager.tape.delete_trace")
_new_number = _of_tapes("TFE_Py_UID") or first("tensorflow.python.framework.ops.uid")
#: Returns a number between those of the tensors before and those after, or None where tensors cannot be told so.
new_number = (lambda: None) if None in (_new_number, _delete_trace) else _new_number


def forget_tensors_since(number):
    """Have the tapes forget how all tensors made since `new_number` came to be, which frees what only they held.

    A tape drops the record of a tensor that is gone, but a record may hold the tensor itself: with variables in it,
    it would keep all that was computed. Numbers are given to whatever is new; those that no tape knows do no harm.
    """
    if number is not None:
        for each in range(number + 1, _new_number()):
            _delete_trace(each)


def _alias_by_op(tensor):
    if _eager_identity is None or stop_recording is None:
        return tf.stop_gradient(tensor)
    with stop_recording():
        return _eager_identity(tensor)  # not tf.identity: on 2.0 that returns the same object


def _aliases_by_copy(tensors):
    aliases = []
    for tensor in tensors:
        # Shares the buffer and is not recorded. The device is named because without it the copy goes to the CPU.
        device = tensor.device
        # A DTensor's mesh (2.9 and later), a device that is none of TensorFlow's own, refuses copies, even to itself.
        aliases.append(_alias_by_op(tensor) if ":CUSTOM:" in device else tensor._copy_to_device(device))
    return aliases


def _alias_by_copy(tensor):
    return _aliases_by_copy([tensor])[0]


def _aliases_of_flowing_by_copy(tensors):
    aliases = []
    for tensor in tensors:
        if flows[tensor._datatype_enum()]:
            device = tensor.device
            tensor = _alias_by_op(tensor) if ":CUSTOM:" in device else tensor._copy_to_device(device)
        aliases.append(tensor)
    return aliases


def _alias_by_copy_in_context(tensor):  # to 1.14
    return tensor._copy_to_device(context=_context()._handle, device=tensor.device)


#: Returns a new eager tensor over the same memory that no tape has seen.
alias = (
    _alias_by_op if _copy_to_device is None else _alias_by_copy_in_context if _copy_takes_context else _alias_by_copy
)


def _aliases(tensors):
    return [alias(tensor) for tensor in tensors]


def _aliases_of_flowing(tensors):
    return [alias(tensor) if differentiable(tensor) else tensor for tensor in tensors]


_copies = alias is _alias_by_copy and hasattr(EagerTensor, "_datatype_enum")
#: Returns an `alias` of each of several tensors (without a call of it for each, where that can be had).
aliases = _aliases_by_copy if _copies else _aliases
#: Returns the same of the tensors that gradients flow through, and the others as they are.
aliases_of_flowing = _aliases_of_flowing_by_copy if _copies else _aliases_of_flowing


def made_since(number, tensors):
    """Return eager tensors as they are where they were made since `new_number`, and new ones for the others."""
    return [alias(tensor) if number is None or tensor._id < number else tensor for tensor in tensors]


def copy(tensor):
    """Return a new tensor of the same value, through which derivatives flow."""
    return (_eager_identity or tf.identity)(tensor)


def tangents_flow(tensors):
    """Whether a forward-mode accumulator (tf.autodiff.ForwardAccumulator) carries tangents of these tensors."""
    return _pack_tangents is not None and not no_tapes() and bool(_pack_tangents(tensors)[1])  # (indices, tangents)
