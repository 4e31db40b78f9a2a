"""TensorFlow's tapes: recording by hand, who listens, which variables were read, and tensors that no tape knows.

The recorder moved from eager.tape to eager.record in late 2.x. Without it, strategies fall back on the public
tf.custom_gradient.
"""

import inspect

from compat_grad._tf.lookup import first, tf
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


def _unknown_tapes():
    return False  # act as if one were listening


_push_new_tape = first("tensorflow.python.eager.tape.push_new_tape")
_pop_tape = first("tensorflow.python.eager.tape.pop_tape")
_tapes_are_a_stack = _pop_tape is not None and not inspect.signature(_pop_tape).parameters  # 1.5
no_tapes = (
    first(
        "tensorflow.python.pywrap_tfe.TFE_Py_TapeSetIsEmpty",
        "tensorflow.python.pywrap_tensorflow.TFE_Py_TapeSetIsEmpty",
        "tensorflow.python.pywrap_tensorflow.TFE_Py_TapeStackIsEmpty",  # 1.5
    )
    or _unknown_tapes
)

#: Whether a tape (no forward-mode accumulator) follows one of these tensors.
tapes_follow = first(
    "tensorflow.python.eager.record.should_record_backprop",
    "tensorflow.python.eager.tape.should_record_backprop",
    "tensorflow.python.eager.tape.should_record",  # to 2.0
) or (lambda tensors: not no_tapes())

_eager_identity = first("tensorflow.python.ops.gen_array_ops.identity")
_pack_tangents = first(
    "tensorflow.python.pywrap_tfe.TFE_Py_PackJVPs", "tensorflow.python.pywrap_tensorflow.TFE_Py_PackJVPs"
)
# A method of the extension type; the class above it, which stands for its documentation, tells its parameters.
_copy_to_device = getattr(EagerTensor, "_copy_to_device", None)
_copy_takes_context = _copy_to_device is not None and any(
    "context" in inspect.signature(base._copy_to_device).parameters
    for base in EagerTensor.__mro__[1:]
    if hasattr(base, "_copy_to_device")
)
_context = first("tensorflow.python.eager.context.context")


class _TapedReads:
    """Sees variables as a tape does: only while recording is on, and everything else too."""

    def __enter__(self):
        self._tape = _push_new_tape()
        return self

    def __exit__(self, *error):
        if _tapes_are_a_stack:
            self._tape = _pop_tape()
        else:
            _pop_tape(self._tape)

    def watched_variables(self):
        # in no order at all before 1.12
        return sorted(self._tape.watched_variables(), key=lambda variable: variable.handle._id)


#: Context manager whose watched_variables() are those that were read in it, in the order of their creation.
VariableReads = VariableWatcher or (_TapedReads if _push_new_tape is not None else GradientTape)


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


def tangents_flow(tensors):
    """Whether a forward-mode accumulator (tf.autodiff.ForwardAccumulator) carries tangents of these tensors."""
    return _pack_tangents is not None and not no_tapes() and bool(_pack_tangents(tensors)[1])  # (indices, tangents)
