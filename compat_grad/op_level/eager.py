"""How a call in eager mode goes: as a trace, the fast way, or op by op where a trace does not show what forward does.

A trace is one op to a tape. Where forward's outputs are made of each other, or where it keeps what it computes, a tape
could be asked for a gradient that begins or ends inside of it. What cannot be traced at all goes op by op as well. A
call goes as the first of its kind went. (In a graph a call is a trace only where it has to be one op to tapes.) Knows
nothing of arguments, nor of what the gradients are.
"""

import warnings
import weakref

from compat_grad import _tf
from compat_grad.call import structure
from compat_grad.call.around import standing_now
from compat_grad.op_level.marking import inputs_kept
from compat_grad.op_level.own_gradients import builds_ops_of, is_wrapped

TRACED = "traced"
HIDING = "traced once, and not all that it does is shown to tapes"
UNTRACED = "cannot be traced"
TORN = "hiding, and with a gradient of its own that builds ops which only a trace could override"


class TracedCalls:
    """The calls of one override that may go as a trace."""

    def __init__(self, gradients):
        self._gradients = gradients
        self._hidden = weakref.WeakKeyDictionary()  # the graph of a trace -> what of forward it hides, or None

    def trace(self, forward):
        """Return what forward() returns, run in the function that is being traced."""
        graph = _tf.get_default_graph()
        with self._gradients.applied(graph):
            result = forward()
        self._hidden[graph] = _fed_by_another(result, graph)
        return result

    def call(self, function, inputs, forward):
        """Return what forward() returns.

        Args:
          function: the `TracedFunction` of tensors whose body calls `trace`.
          inputs: the tensors.
          forward: the call of the user's function in eager mode.
        """
        if not _tf.traces_can_be_private and standing_now(None):
            return self._gradients.op_by_op.run(forward, False)  # as what stands around: it cannot reach into a trace
        signature = tuple([_tf.signature(tensor) for tensor in inputs])
        way, done = function.ways.get(signature), None
        if way is None:
            way, done = self._find_way(function, inputs, forward)
            function.ways[signature] = way
        if way is HIDING and _can_go_op_by_op():
            return self._gradients.op_by_op.run(forward, True)
        if way is UNTRACED and done is None:
            return self._gradients.op_by_op.run(forward, False)
        if way in (HIDING, TORN) and not _tf.no_tapes():
            raise ValueError(self._torn() if way is TORN else self._needs_op_callbacks())
        return function(inputs) if done is None else done[0]

    def call_in_graph(self, function, inputs):
        """Return the same where a graph is being built and forward has to be one op to tapes.

        Raises:
          ValueError: one of forward's outputs is made of another.
        """
        if self._hidden.get(function.trace(inputs)):
            raise ValueError(self._is_one_op())
        return function(inputs)

    def _find_way(self, function, inputs, forward):
        """Return the way of such calls, and in a tuple what forward() returned if it had to be called."""
        if not _tf.functions_nest:
            return self._way_of_call(function, inputs)
        if not _can_go_op_by_op():
            return self._way_of(function.trace(inputs)), None
        with _tf.new_variables() as made:
            try:
                graph = function.trace(inputs)
            except Exception as error:  # whatever tracing fails by: forward itself raises what is wrong with it
                if self._refused(error):
                    raise
                graph = None
        if graph is not None:
            return self._way_of(graph), None
        made.initialize()
        return UNTRACED, (self._gradients.op_by_op.run(forward, False),)

    def _way_of_call(self, function, inputs):
        """The same where a function can be traced only by calling it."""
        result, graph = function.call(inputs)
        return (HIDING if self._hidden.get(graph) else TRACED), (result,)

    def _refused(self, error):
        """Whether it is this override that an error is from, and not forward; AutoGraph of 2.1 puts words before it."""
        said, title = str(error), self._gradients.title
        return title + ":" in said and title + ": raised in" not in said

    def _way_of(self, graph):
        fed = self._hidden.get(graph)
        if not fed and not _tf.held_outside(graph, inputs_kept(graph)):
            return TRACED
        if not fed and not _can_go_op_by_op():
            warnings.warn(self._keeps(), stacklevel=6)
            return TRACED
        if _tf.tells_of_own_gradients:
            return HIDING
        own = [op for op in graph.get_operations() if is_wrapped(op)]
        if not any(builds_ops_of(op, self._gradients) for op in own):
            return HIDING
        # A gradient function of forward's own holds tensors of the trace itself, and may not be told from a user's.
        return TORN if fed else TRACED

    def _keeps(self):
        return (
            "{}: forward keeps a tensor that it computes. In eager mode this TensorFlow's tapes see forward as one op: "
            "the gradient by what is kept would be None. Return it, or open the tape inside a tf.function. (From "
            "TensorFlow 2.1 on, forward goes op by op here.)".format(self._gradients.title)
        )

    def _torn(self):
        return (
            "{}: in eager mode a tape sees forward as one op or op by op. One of its outputs is made of another, or it "
            "keeps what it computes: as one op, the gradient between them would be None. It uses tf.recompute_grad, or "
            "a tf.custom_gradient that differentiates: op by op, ops built there would have their native gradients. "
            "Open the tape inside a tf.function, where all is right.".format(self._gradients.title)
        )

    def _is_one_op(self):
        return (
            "{}: a tape in a function sees forward as one op where gradients of ops on variables are mapped, such as "
            "ReadVariableOp; but one of its outputs is made of another, and the gradient between them would be None. "
            "Return only one of them, or let the tape listen outside of the tf.function.".format(self._gradients.title)
        )

    def _needs_op_callbacks(self):
        where = "Open the tape inside a tf.function, where it is right" if _tf.functions_nest else "Use tf.gradients"
        return (
            "{}: a tape sees forward as one op in eager mode; but one of its outputs is made of another, and the "
            "gradient between them would be None. {}, or return only one of them. (From TensorFlow 2.1 on, forward "
            "goes op by op here.)".format(self._gradients.title, where)
        )


def _can_go_op_by_op():
    return _tf.has_op_callbacks and _tf.record_operation is not None


def _fed_by_another(result, graph):
    """Whether one of the tensors in what forward returned is made of another one of them."""
    returned = [leaf for leaf in _tensors(result) if _tf.differentiable(leaf) and leaf.graph is graph]
    names = {tensor.name for tensor in returned}
    if len(names) < len(returned):
        return True  # one of them twice
    pending, seen = [source for tensor in returned for source in tensor.op.inputs], set()
    while pending:
        tensor = pending.pop()
        if tensor.name in seen or not (_tf.differentiable(tensor) or _tf.is_handle(tensor)):
            continue
        if tensor.name in names:
            return True
        seen.add(tensor.name)
        pending.extend(tensor.op.inputs)
    return False


def _tensors(result):
    parts = []
    structure.take_apart(result, parts)
    return [part for part in parts if _tf.is_tensor_type(type(part)) and not _tf.is_eager_tensor_type(type(part))]
