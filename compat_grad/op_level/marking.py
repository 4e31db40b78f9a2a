"""Naming the gradients of ops while they are built: in the graph at hand for one thread, and in those nested in it."""

import collections
import contextlib
import functools
import weakref

from compat_grad import _tf
from compat_grad.call.around import standing_now
from compat_grad.op_level.own_gradients import record_wrapped, wrap_gradient
from compat_grad.saving.named import must_be_tied, stands_for
from compat_grad.strategies.graph import connect
from compat_grad.strategies.order import gradients_after_reads
from compat_grad.strategies.tape import record


class Marking:
    """A device function: TensorFlow shows it each op that is created, also those in nested graphs.

    It leaves the device alone and names the gradients of ops that the override map of the outer graph cannot reach. A
    tape that listens while a graph is built looks gradients up by op type alone: it is told of the override by hand.
    A nested function's trace keeps it for good, and may outlive the override: it lets go of all when forward is done.
    """

    def __init__(self, gradients, graph, traces, private):
        self._gradients = gradients
        self._graph = (lambda: None) if graph is None else weakref.ref(graph)
        self._traces = traces  # the traces of nested functions that are made for this override alone
        self._private = private  # whether there are such
        self._thread = _tf.ThisThread()
        self._stopped = _tf.recording_is_stopped()
        self._pending = []  # ops with gradients of forward's own that tapes have yet to be told of

    def __eq__(self, other):
        # In a plain graph device functions are a part of what a nested function's trace is found by.
        return isinstance(other, Marking) and self._traces is other._traces

    def __hash__(self):
        return hash(self._traces)

    def __call__(self, op):
        if self._thread.is_current():
            self.see(op)
        return op.device

    def see(self, op):
        """Do all that op needs which has just been built; more than once is as well."""
        gradients = self._gradients
        if gradients is None:
            return
        if _tf.are_our_own_ops() or (op.type in gradients.rules and _tf.is_identity_of_tensorflow(op)):
            op._compat_grad_is_our_own = True
            if op.type in gradients.rules:
                _tf.leave_native(op, gradients.names().values())
            return
        if self._pending:
            self.record_pending(op)
        rule = gradients.rules.get(op.type)
        if rule is None:
            self._look_for_what_runs_later(op)
            return
        name = gradients.names()[op.type]
        if self._is_to_name(op):
            _tf.name_gradient(op, name)
        if not stands_for(_tf.gradient_name(op), name) or was_seen(op):
            return
        op._compat_grad_seen = True
        op._compat_grad_named = rule.name_alone(op)
        op._compat_grad_inputs = list(op.inputs)
        if not _tf.vectorized_ops_can_be_tied:
            _tf.refuse_to_vectorize(op)
        if self._graph() is None:  # of eager calls, which have no graph to keep it
            for graph in _tf.outer_function_graphs(op.graph):
                _tf.keep_with(graph, rule)
        with _tf.recording_as_around(op.type, self._stopped):
            if tapes_listen():
                _record_instead(op, rule)

    def _is_to_name(self, op):
        """Whether op is forward's alone, and was built where the override map does not reach."""
        if op.graph is self._graph():
            return not self._thread.is_current()  # but a replica's that forward runs: the map is for one thread
        return self.reaches(op.graph)

    def reaches(self, graph):
        """Whether what forward builds in a graph is for this override alone."""
        return graph is self._graph() or self._private or _tf.is_control_flow_body(graph)

    def see_and_tie(self, op):
        """See op; return what takes the place of its outputs where a SavedModel can have no gradient of op itself.

        TensorFlow calls it, in this thread and in those of the replicas that forward runs.
        """
        if not (self._thread.is_current() or self._thread.has_started_current()):
            return None  # pragma: no cover (a TensorFlow that tells all threads)
        self.see(op)
        gradients = self._gradients
        rule = None if gradients is None else gradients.rules.get(op.type)
        if rule is None or not was_seen(op) or not must_be_tied(op):
            return None
        if not stands_for(_tf.gradient_name(op), gradients.names()[op.type]):
            return None
        if op._compat_grad_named is not None:
            op._compat_grad_named.idle = True
        with _tf.for_our_own_ops():
            return connect(list(op.outputs), op._compat_grad_inputs, rule.of(op))

    def _look_for_what_runs_later(self, op):
        if not self._gradients.reach_own_gradients:
            return
        if not self.reaches(op.graph):
            return
        if op.type == "EagerPyFunc" and _tf.has_op_callbacks and not was_seen(op):
            op._compat_grad_seen = True
            around = standing_now(op.graph) or [self._gradients]
            for graph in _tf.outer_function_graphs(op.graph):
                for gradients in around:
                    _tf.keep_with(graph, gradients)
            _tf.wrap_py_function(op, _OpByOp(around))
        wrapped = wrap_gradient(op, self._gradients)
        if wrapped is not None and tapes_listen():
            self._pending.append((op, wrapped))

    def record_pending(self, user=None):
        """Tell tapes of the gradients of forward's own, whose outputs an op uses (without one: of all).

        TensorFlow tells them its own between the op and its first user, and the last word counts.
        """
        used = None if user is None else {id(tensor) for tensor in user.inputs}
        for pending in list(self._pending):
            op, wrapped = pending
            if used is None or any(id(output) in used for output in op.outputs):
                self._pending.remove(pending)
                # TensorFlow records none of a function's call but the call itself
                with _tf.recording_resumed(), _tf.for_our_own_ops():
                    record_wrapped(op, wrapped)

    def done(self):
        """Mark no more."""
        self._gradients = None


class _OpByOp:
    """Wraps what tf.py_function runs, in eager mode whatever is around it. TensorFlow may keep it for good."""

    def __init__(self, around):
        self._around = [weakref.ref(gradients) for gradients in around]

    def __call__(self, function):
        def op_by_op(*inputs):  # pragma: no cover (in a thread of TensorFlow's own)
            with contextlib.ExitStack() as stack:
                for gradients in self._around:  # outermost first
                    stack.enter_context(gradients().op_by_op.applied(True))
                return function(*inputs)

        return op_by_op


def is_our_own(op):
    """Whether an op is none of forward's, but ours or TensorFlow's."""
    return hasattr(op, "_compat_grad_is_our_own")


def was_seen(op):
    """Whether a `Marking` has seen an op while it was built."""
    return hasattr(op, "_compat_grad_seen")


def inputs_kept(graph):
    """Return, for the tensors that a `Marking` keeps as inputs of an op of graph, {id: how often}."""
    marked = filter(was_seen, graph.get_operations())
    return collections.Counter(id(tensor) for op in marked for tensor in getattr(op, "_compat_grad_inputs", ()))


def tapes_listen():
    """Whether there is a tape, as far as this TensorFlow lets itself be asked, that can be told of an override."""
    return _tf.record_operation is not None and not _tf.no_tapes()


def _record_instead(op, rule):
    """Record op with the gradient of rule, and have TensorFlow, which would record its own next, find nothing to do."""
    inputs = list(op.inputs)
    with _tf.for_our_own_ops():  # forward mode calls the gradient right away
        _tf.detach_inputs(op)
        record(list(op.outputs), inputs, functools.partial(gradients_after_reads, rule.of(op)), op.name)
