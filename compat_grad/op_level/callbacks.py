"""Op by op: forward runs in eager mode as it is, and every op of a mapped type is recorded with the gradient mapped.

TensorFlow tells of each op right after it, when its own gradient is on the tapes already; so what forward gets to see
are aliases of the op's outputs, recorded anew. Needs no trace: outputs may feed each other, `.numpy()` and new
variables are allowed. Inside functions that forward calls a `Marking` does what it does everywhere. Knows nothing of
arguments, nor of when this way is taken.
"""

import contextlib
import weakref

from compat_grad import _tf
from compat_grad.op_level.marking import Marking, tapes_listen
from compat_grad.op_level.search import FoundExecuted
from compat_grad.strategies.tape import record


class OpByOp:
    """Runs the forward of one override op by op, its ops with the gradients of an `OpGradients`."""

    def __init__(self, gradients):
        self._gradients = weakref.ref(gradients)  # whose part this is
        self._scanned = {}  # what was found in the functions that were called

    def run(self, forward, traced):
        """Return what forward() returns: see `applied`."""
        with self.applied(traced):
            return forward()

    @contextlib.contextmanager
    def applied(self, traced):
        """Return the context in which ops that are executed get the gradients; checks at its end that they did.

        Args:
          traced: whether what is run in it has been traced: what was found then need not be found in every call.

        Raises:
          ValueError: an op type occurs nowhere, or in a function where its gradient could not be overridden.
        """
        gradients = self._gradients()
        found = FoundExecuted(gradients.names(), self._scanned)
        with self.recording(found.look_at):
            if gradients.reach_own_gradients:
                with _tf.own_gradients_wrapped(self._around):
                    yield
            else:
                yield
        found.look_into_functions()
        gradients.judge_executed(found, traced)

    def _around(self, backward):
        """Return what a gradient of forward's own does, with the override applied to what it executes."""
        gradients = self._gradients()  # which live for as long as a tape can ask

        def with_override(*output_gradients):
            with gradients.op_by_op.recording():
                return backward(*output_gradients)

        return with_override

    @contextlib.contextmanager
    def recording(self, look_at=None):
        """Return the context in which ops that are executed get the gradients, and look_at is told of each."""
        gradients = self._gradients()
        stopped = _tf.recording_is_stopped()

        def executed(op, outputs, recorded_inputs):
            if look_at is not None:
                look_at(op)
            rule = gradients.rules.get(op.type)
            if rule is None:
                return
            with _tf.recording_as_around(op.type, stopped):
                if tapes_listen():
                    _record_instead(op, outputs, recorded_inputs, rule)

        with gradients.private_traces() as private:
            marking = Marking(gradients, None, gradients.traces, private)
            try:
                told = _told(executed, marking.see_and_tie, gradients)
                with told as is_told, gradients.standing_around(marking, is_told):
                    yield
            finally:
                marking.done()


@contextlib.contextmanager
def _told(executed, built, gradients):
    """Return `_tf.told_of_ops`, and the same of Python functions that TensorFlow calls where a graph has an op."""
    ops = _tf.told_of_ops(executed, built, reads="ReadVariableOp" in gradients.rules)
    with ops as is_told, _tf.told_of_python_functions(executed, gradients.as_in_a_graph):
        yield is_told


def _record_instead(op, outputs, recorded_inputs, rule):
    """Exchange the outputs of an executed op by aliases that are recorded with the gradient of rule."""
    inputs = list(op.inputs)
    tied = [_tf.alias(output) if _tf.differentiable(output) else output for output in outputs]
    sources = [index for index, tensor in enumerate(inputs) if _tf.differentiable(tensor) or _tf.is_handle(tensor)]
    with _tf.for_our_own_ops():  # forward mode calls the gradient right away
        record(tied, inputs, rule.of(op).input_gradients, op.name, sources)
    outputs[:] = tied
    if recorded_inputs is not None:  # TensorFlow is about to record its own gradient: by inputs that no tape knows
        recorded_inputs[:] = [_tf.alias(tensor) if _tf.differentiable(tensor) else tensor for tensor in inputs]
