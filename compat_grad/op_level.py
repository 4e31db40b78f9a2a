"""Op-level overrides: inside forward, every op of some types gets a gradient of one's own.

The ops are named their gradients while forward is being built: those of the graph at hand through
``Graph.gradient_override_map``, those in the bodies of its loops, branches and functions by an `_Marking` that follows
the building there. What could not be reached is an error, never a native gradient in silence. Knows nothing of
arguments, tapes or structures.
"""

import contextlib
import difflib
import itertools
import threading
import uuid
import weakref

from compat_grad import _tf
from compat_grad.arguments import GRAPH, Layout
from compat_grad.backward import Backward, BackwardCall
from compat_grad.strategies import SAVED_WITHOUT_GRADIENT, tie_vectorized

_process = uuid.uuid4().hex
_serial = itertools.count()


class OpGradients:
    """What an override maps op types to."""

    def __init__(self, name, mapping):
        self._title = "override_gradient {!r}".format(name)
        self._mapping = dict(mapping)  # op type -> function or registered name, as the user gave it
        rules = {id(function): OpGradient(name, function) for function in mapping.values()}
        self.rules = {op_type: rules[id(function)] for op_type, function in mapping.items()}
        self._registered = None

    def names(self):
        """Return {op type: the name that its gradient is registered under}, registering it at the first call."""
        if self._registered is None:
            self._registered = {op_type: rule.registered_name() for op_type, rule in self.rules.items()}
        return self._registered

    def need_function(self, mode):
        """Whether the call needs a function around it: a tape looks gradients up by op type, but for functions' own.

        Raises:
          ValueError: it does, and this TensorFlow's functions lose the gradients of functions inside.
        """
        tapes = mode is _tf.EAGER or (_tf.record_operation is not None and not _tf.no_tapes())
        if not tapes or mode is _tf.EAGER or _tf.functions_nest:
            return tapes
        raise ValueError(
            "{}: called inside a function or under a tape in a graph, where this TensorFlow's tapes do not see the "
            "gradients of single ops (from 1.14 on, with tf.function, they do). Call it from eager code, or "
            "differentiate by tf.gradients.".format(self._title)
        )

    @contextlib.contextmanager
    def applied(self, graph):
        """Return the context in which ops added to graph get these gradients; checks at its end that some did.

        Raises:
          ValueError: an op type occurs nowhere, or in a nested function where its gradient could not be overridden.
        """
        names = self.names()
        for found in _tf.outer_function_graphs(graph):
            for rule in self.rules.values():
                _tf.keep_with(found, rule)
        newest = _tf.newest_operation_id(graph)
        mapped = graph.gradient_override_map({_OfThisThread(op_type): name for op_type, name in names.items()})
        alone = _tf.private_traces(("compat_grad",) + tuple(sorted(names.items())))
        with mapped, alone as private, graph.device(_Marking(self, graph, private)):
            yield
        self._check(graph, newest)

    def _check(self, graph, newest):
        found = _Found(graph, self.names())
        for op in _tf.operations_since(graph, newest):
            found.look_at(op)
        found.look_into_functions()
        if found.missed:
            raise ValueError(self._out_of_reach(*found.missed[0]))
        # {"Add": f, "AddV2": f} is how to say what has had two names: one of them is enough
        matched = [self._mapping[op_type] for op_type in found.overridden]
        idle = [op_type for op_type, function in self._mapping.items() if not any(function is one for one in matched)]
        if idle:
            raise ValueError(self._nowhere(idle, found.types))

    def _out_of_reach(self, op_type, op_name, function_name):
        return (
            "{}: the {} op {!r} is inside the function {!r}, which was traced before and is shared with other callers, "
            "so its gradient cannot be overridden here. Call the plain Python function in forward (tf.function objects "
            "have it as `python_function`), or override the gradient inside that function.".format(
                self._title, op_type, op_name, function_name
            )
        )

    def _nowhere(self, idle, types):
        hints = []
        for op_type in idle:
            lowered = {found.lower(): found for found in types}
            close = difflib.get_close_matches(op_type.lower(), list(lowered), n=1)
            hints.append("{!r}{}".format(op_type, " (did you mean {!r}?)".format(lowered[close[0]]) if close else ""))
        return "{}: forward has no op of the type{} {}. The op types in it are: {}.".format(
            self._title, "s" if len(idle) > 1 else "", ", ".join(hints), ", ".join(sorted(types)) or "none at all"
        )


class OpGradient:
    """One gradient function of an op-level override, under a name of its own in TensorFlow's registry.

    The registry, which forgets nothing by itself, holds no more than a weak reference: overrides and the graphs that
    use them keep their gradients alive, and with the last of them the name goes.
    """

    def __init__(self, name, function):
        self._backward = Backward(name, function)
        self._name = function if isinstance(function, str) else None
        self._registering = threading.Lock()

    def registered_name(self):
        """Return the name that the gradient is registered under; raises ValueError where there is no such name."""
        self._backward.function()  # refuses a name that is not registered
        with self._registering:
            if self._name is None:
                name = "compat_grad_{}_{}".format(_process, next(_serial))
                _tf.register_gradient(name)(_gradient_function(weakref.ref(self)))
                weakref.finalize(self, _tf.unregister_gradient, name)
                self._name = name
        return self._name

    def of(self, op):
        """Return the vector-Jacobian product of op."""
        return OpCall(self._backward, op)


def _gradient_function(rule):
    @_tf.not_converted
    def gradient_of_op(op, *gradients):
        if op is None:
            raise ValueError(SAVED_WITHOUT_GRADIENT)
        call = rule().of(op)
        return call.input_gradients(list(op.inputs), list(op.outputs), gradients, op.name)

    return gradient_of_op


class OpCall(BackwardCall):
    """The vector-Jacobian product of one op."""

    __slots__ = ("_op",)

    def __init__(self, rule, op):
        names = ["inputs[{}] of the {} op {!r}".format(index, op.type, op.name) for index in range(len(op.inputs))]
        super().__init__(rule, Layout([GRAPH] * len(names), tuple(names), len(names)), [None] * len(names), ())
        self._op = op

    def make_op(self, leaves, outputs, op_name):
        return OverriddenOpOfGraph(self._op, leaves, outputs, op_name)

    def _match_one(self, gradient, tensor, index, names):
        if _tf.is_handle(tensor):  # of a variable: its gradient is one of the variable's value
            return gradient
        return super()._match_one(gradient, tensor, index, names)


class OverriddenOpOfGraph:
    """The ``op`` that a gradient function of an op-level override receives: the ``tf.Operation`` itself, and more.

    Attributes:
      inputs, outputs: lists of tensors.
      name, type: those of the op in the graph.
    """

    def __init__(self, op, inputs, outputs, name):
        self._op = op
        self.inputs = inputs
        self.outputs = outputs
        self.name = name
        self.type = op.type

    def get_attr(self, name):
        """Return the value of an attribute of the op, such as ``op.get_attr("ksize")``; ValueError for no attribute."""
        return self._op.get_attr(name)

    def native_gradient(self, *output_gradients):
        """Return TensorFlow's own gradient of this op: a list with a tensor, IndexedSlices or None for each input.

        Raises:
          LookupError: TensorFlow has no gradient for this type of op.
        """
        function = _tf.registered_gradient(self.type)
        if function is None:  # registered as not differentiable
            return [None] * len(self.inputs)
        gradients = function(self, *output_gradients)
        return list(gradients) if isinstance(gradients, (list, tuple)) else [gradients]

    def __getattr__(self, name):
        return getattr(self._op, name)  # node_def, graph, device, ...

    def __repr__(self):
        return repr(self._op)


class _OfThisThread(str):
    """An op type that only the thread that made it finds in a graph's override map.

    The map is state of the graph, not of a thread: a second thread building in the same graph would get the override.
    """

    __hash__ = str.__hash__

    def __new__(cls, op_type):
        self = super().__new__(cls, op_type)
        self._thread = threading.get_ident()
        return self

    def __eq__(self, other):
        return str.__eq__(self, other) and self._thread == threading.get_ident()

    def __ne__(self, other):
        return not self == other


class _Marking:
    """A device function: TensorFlow shows it each op that is created, also those in nested graphs.

    It leaves the device alone and names the gradients of ops that the override map of the outer graph cannot reach.
    """

    def __init__(self, gradients, graph, private):
        self._gradients = gradients
        self._graph = weakref.ref(graph)  # a nested function's trace, which keeps this, may outlive the graph
        self._private = private  # whether nested functions are traced for us alone

    def __call__(self, op):
        rule = self._gradients.rules.get(op.type)
        if rule is not None:
            if op.graph is not self._graph() and (self._private or _tf.is_control_flow_body(op.graph)):
                _tf.name_gradient(op, self._gradients.names()[op.type])
            if _tf.gradient_name(op) == self._gradients.names()[op.type]:
                _tf.vectorize_natively_and(op, lambda outputs, inputs: tie_vectorized(outputs, inputs, rule.of(op)))
        return op.device


class _Found:
    """What op types there are in a part of a graph, and which of them got the gradients of an override."""

    def __init__(self, graph, names):
        self._graph = graph
        self._names = names  # op type -> registered name
        self._called = []  # names of functions
        self.types = set()
        self.overridden = set()
        self.missed = []  # (op type, op name, function name)

    def look_at(self, op):
        self.types.add(op.type)
        if op.type in self._names and _tf.gradient_name(op) == self._names[op.type]:
            self.overridden.add(op.type)
        self._called.extend(_tf.called_functions(op))

    def look_into_functions(self):
        if not self._called:
            return
        library = {function.signature.name: function for function in self._graph.as_graph_def().library.function}
        pending, seen = self._called, set()
        while pending:
            name = pending.pop()
            if name in seen or name not in library:
                continue
            seen.add(name)
            for node in library[name].node_def:
                self._look_at_node(node, name)
                pending.extend([node.op] + _tf.functions_in(node.attr))

    def _look_at_node(self, node, function_name):
        if node.op not in self._names:
            self.types.add(node.op)
            return
        gradient = _tf.text(node.attr["_gradient_op_type"].s) if "_gradient_op_type" in node.attr else None
        if gradient == self._names[node.op]:
            self.overridden.add(node.op)
        elif gradient is None:  # otherwise somebody in there has overridden it himself
            self.missed.append((node.op, node.name, function_name))
        self.types.add(node.op)
