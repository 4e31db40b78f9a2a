"""Defuns under tapes in functions, which know nothing of them: they are told their gradients, as tf.gradients has them.

Knows nothing of maps.
"""

from compat_grad import _tf
from compat_grad.call.backward import Backward
from compat_grad.op_level.gradients import OpGradient
from compat_grad.op_level.marking import tapes_listen
from compat_grad.strategies.tape import record


def tell_tapes(op):
    """Record the call of a Defun that was built just now, if a tape follows it."""
    if not tapes_listen() or not _tf.tapes_follow(list(op.inputs)):
        return
    rule = OpGradient(Backward(op.type, _tf.defun_gradients))
    with _tf.for_our_own_ops():
        record(list(op.outputs), list(op.inputs), rule.of(op).input_gradients, op.name)
