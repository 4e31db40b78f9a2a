"""What an op-level override maps op types to, how it is applied while forward is being built, and what is checked.

The ops are named their gradients while forward is being built: those of the graph at hand through
``Graph.gradient_override_map``, those in the bodies of its loops, branches and functions by a `Marking` that follows
the building there. What could not be reached is an error, never a native gradient in silence.
"""

import contextlib
import os
import weakref

from compat_grad import _tf
from compat_grad.call.around import standing_around
from compat_grad.call.backward import Backward
from compat_grad.call.definition import name_of
from compat_grad.call.traced import NAME
from compat_grad.op_level.callbacks import OpByOp
from compat_grad.op_level.check import (
    check_reached,
    check_used,
    not_shown,
    of_another_thread,
    override_not_shown,
    unseen,
)
from compat_grad.op_level.marking import Marking, is_our_own, tapes_listen, was_seen
from compat_grad.op_level.op import OpCall
from compat_grad.op_level.search import Found
from compat_grad.quoting import shortened
from compat_grad.saving.named import name_of_its_own
from compat_grad.saving.recalled import same_gradient
from compat_grad.saving.written import write
from compat_grad.strategies.graph import gradients_of_ops
from compat_grad.strategies.order import gradients_after_reads

_claiming = _tf.Alive()  # the gradients alive that claim a name which graphs of another process know them by


def gradients_of_override(name, mapping, on_unused):
    """Return the `OpGradients` of an override of this name."""
    gradients = OpGradients("override_gradient {!r}".format(name), _rules_of(name, mapping), on_unused)
    if all(map(callable, mapping.values())):
        gradients.names()  # at once, for graphs of another process, which are differentiated without a call
    return gradients


def unknown_gradients(name, op_types):
    """Return the `OpGradients` that stood around a call of the override of this name in another process: they raise."""

    def unknown(op, *output_gradients):
        raise LookupError(
            "override_gradient {!r}: in another process it was called inside of an override of the gradients of {}, "
            "and its backward differentiates such an op: the graph cannot tell with which gradient. Build the graph in "
            "this process.".format(shortened(name), op.type)
        )

    rule = OpGradient(Backward(name, unknown))
    return OpGradients(rule.title, dict.fromkeys(op_types, rule), "ignore")


class OpGradients:
    """What op types are mapped to.

    Attributes:
      title: how error messages call the mapping.
      rules: op type -> its `OpGradient`.
      reach_own_gradients: whether they are for ops, too, that forward's own gradients build long after it is done.
      as_in_a_graph: whether functions that return in eager mode what they do not in a graph shall not.
    """

    reach_own_gradients = True
    as_in_a_graph = False

    def __init__(self, title, rules, on_unused):
        self.title = title
        self._on_unused = on_unused
        self.rules = rules
        self._registered = None
        self.traces = _tf.PrivateTraces()
        weakref.finalize(self, self.traces.forget).atexit = False
        self.op_by_op = OpByOp(self)

    def names(self):
        """Return {op type: the name that its gradient is registered under}, registering it at the first call."""
        if self._registered is None:
            self._registered = {op_type: rule.registered_name() for op_type, rule in self.rules.items()}
        return self._registered

    def need_function(self, mode):
        """Whether the call needs a function around it: in eager mode, where ops have no name of a gradient.

        So do in graphs, for tapes, ops on the handles of variables: reads are recorded a second time, by hand, and
        their order is known by the handle itself. And all ops where none can be recorded by hand.

        Raises:
          ValueError: it does, and this TensorFlow's functions lose the gradients of functions inside.
        """
        if mode is _tf.EAGER:
            return True
        if _tf.record_operation is None:
            return _tf.functions_nest and not _tf.no_tapes()
        if not tapes_listen() or not any(map(_tf.takes_handles, self.rules)):
            return False
        if _tf.functions_nest:
            return True
        raise ValueError(
            "{}: called inside a function or under a tape in a graph, where this TensorFlow's tapes do not see the "
            "gradients of single ops (from 1.14 on, with tf.function, they do). Call it from eager code, or "
            "differentiate by tf.gradients.".format(self.title)
        )

    def private_traces(self):
        """Return the context in which the tf.functions that forward calls are traced for it alone, if it can be had."""
        return self.traces.made()

    @contextlib.contextmanager
    def applied(self, graph):
        """Return the context in which ops added to graph get these gradients; checks at its end that some did.

        Raises:
          ValueError: an op type occurs nowhere, or in a nested function where its gradient could not be overridden.
        """
        start = _tf.extent(graph)
        with self.marking(graph):
            yield
        self._check(graph, start)

    @contextlib.contextmanager
    def marking(self, graph):
        """Return the context in which ops added to graph get these gradients, whether any is or not."""
        for found in _tf.outer_function_graphs(graph):
            for rule in self.rules.values():
                _tf.keep_with(found, rule)
        with _tf.enter_override_map_of_thread(graph, self.names()), self.private_traces() as private:
            marking = Marking(self, graph, self.traces, private)
            try:
                # the op callback, where there is one, also where forward takes all devices back
                shown, told = _tf.shown_operations(graph, marking), _tf.told_of_built_ops(marking.see_and_tie)
                with shown, told as is_told, self.standing_around(marking, is_told):
                    yield
                marking.record_pending()
            finally:
                marking.done()

    def standing_around(self, marking, is_told):
        """Return the context in which calls of other overrides take these gradients along for their backward.

        Args:
          marking: the `Marking` that follows what is built.
          is_told: tells whether it follows the thread at hand.
        """
        if not self.reach_own_gradients:
            return contextlib.ExitStack()
        return standing_around(self, lambda graph: is_told() and (graph is None or marking.reaches(graph)))

    def in_backward(self):
        """Return the context in which ops that a backward runs get these gradients, whether any is or not."""
        if _tf.executing_eagerly():
            return self.op_by_op.recording()
        return self.marking(_tf.get_default_graph())

    def marked_in(self, graph):
        """Whether an op of graph has one of these gradients."""
        found = Found(graph, self.names())
        return any(map(found.is_ours, graph.get_operations()))

    def _check(self, graph, start):
        found = Found(graph, self.names())
        for op in _tf.operations_since(graph, start):
            found.look_at(op)
            if found.is_ours(op) and not was_seen(op) and tapes_listen() and _tf.tapes_follow(list(op.inputs)):
                raise ValueError(unseen(self.title, op))
            if self._is_of_another_thread(op):
                raise ValueError(of_another_thread(self.title, op))
        found.look_into_functions()
        self.judge(found)

    def _is_of_another_thread(self, op):
        """Whether a thread that forward has started built op, where none of such threads tells us (before 2.1).

        A function's graph is built by one thread and those that it starts; a plain graph perhaps by strangers as well.
        """
        if _tf.has_op_callbacks or op.type not in self.rules or not _tf.is_function_graph(op.graph):
            return False
        return _tf.gradient_name(op) is None and not is_our_own(op)

    def judge(self, found):
        """Raise ValueError where a mapped op type was missed, or occurs nowhere and is not allowed to."""
        check_reached(self.title, found)
        if self._on_unused == "error":
            check_used(self.title, self.rules, found)

    def judge_executed(self, found, traced):
        """Raise ValueError where a mapped op type was missed or, unless a trace had them, occurs nowhere."""
        if traced:
            check_reached(self.title, found)
            of_overrides = [name for name in found.unknown if NAME in name]  # which in a trace are no functions
            if of_overrides:
                raise ValueError(override_not_shown(self.title))
            return
        if found.unknown and not found.missed:
            raise ValueError(not_shown(self.title, found.unknown[0]))
        self.judge(found)


def _rules_of(name, mapping):
    """Return {op type: the `OpGradient`}, one for each gradient function or registered name."""
    functions = []  # (function, its op types): by equality, a bound method is a new object each time it is asked for
    for op_type, function in sorted(mapping.items()):
        types = next((types for other, types in functions if other is function or other == function), None)
        if types is None:
            functions.append((function, [op_type]))
        else:
            types.append(op_type)
    rules = [(_rule_of(name, function, types), types) for function, types in functions]
    return {op_type: rule for op_type in mapping for rule, types in rules if op_type in types}


def _rule_of(name, function, op_types):
    """Return the gradient of op_types in the override of this name, known by that to graphs of another process."""
    told = "{} {}={}".format(name, ",".join(op_types), name_of(function) if callable(function) else function)
    wanted = None if name == "<lambda>" else "compat_grad " + told.replace(":", "_")
    return OpGradient(Backward(name, function), wanted, function)


class OpGradient:
    """One gradient function for ops of some types, under a name of its own in TensorFlow's registry.

    The registry, which forgets nothing by itself, holds no more than a weak reference: overrides and the graphs that
    use them keep their gradients alive, and with the last of them the name goes.
    """

    def __init__(self, backward, wanted=None, function=None):
        """The gradient of a `Backward`, which calls function, under the name that is wanted if that is free."""
        self._wanted = wanted
        self._function = function
        if wanted is not None:
            _claiming.add(self)
        self._backward = backward
        self.title = backward.title()
        self._name = None  # of our own, also for a gradient that has one: tf.vectorized_map knows ours by their names
        self._registering = _tf.Lock()

    def registered_name(self):
        """Return the name that the gradient is registered under; raises what `check` does."""
        self.check()
        with self._registering:
            if self._name is None:
                name = self._register()
                weakref.finalize(self, _tf.unregister_gradient, name).atexit = False
                gradients_of_ops[name] = self
                self._name = name
        return self._name

    def check(self):
        """Raise ValueError where the gradient is a name that is not registered."""
        self._backward.function()

    def _register(self):
        for name in filter(None, (self._wanted, "compat_grad_" + os.urandom(16).hex())):
            try:
                _tf.register_gradient(name)(_gradient_function(weakref.ref(self)))
            except KeyError:  # another override of this name is alive
                continue
            return name
        raise RuntimeError(  # pragma: no cover (16 random bytes that are taken)
            "compat_grad: no name for the gradient is free in TensorFlow's registry"
        )

    def check_is_of(self, op):
        """Raise LookupError where op may have another one's gradient: a graph of another process tells but its name."""
        if self._wanted is None or _tf.keeps(op.graph, self):
            return
        rivals = [rule for rule in _claiming if rule._wanted == self._wanted]
        if not all(same_gradient(self._function, rule._function) for rule in rivals):
            raise LookupError(
                "{}: the {} op {!r} comes from another graph, and {} overrides of this name, with different gradients "
                "for {}, are alive in this process. Give them names of their own: override_gradient(..., "
                "name=...).".format(self.title, op.type, op.name, len(rivals), op.type)
            )

    def of(self, op):
        """Return the vector-Jacobian product of op."""
        return OpCall(self._backward, op)

    def name_alone(self, op):
        """Give op, which has this gradient, a name of its own for it, and return that, where SavedModels need one."""
        named = name_of_its_own(_gradient_function(weakref.ref(self)), self._backward.title(), op.graph, self._name)
        if named is not None:
            named.belongs_to(op)
            _tf.name_gradient(op, named.name, instead_of=self._name)
        return named


def _gradient_function(rule):
    @_tf.not_converted
    def gradient_of_op(op, *gradients):
        if op is None:
            return write(None, gradients, gradient_of_op, "override_gradient")
        rule().check_is_of(op)
        call = rule().of(op)
        return gradients_after_reads(call, list(op.inputs), list(op.outputs), gradients, op.name)

    return gradient_of_op
