"""Telling of the override maps that TensorFlow ignores: `watching`.

Each op that is executed or built under a map of its type is looked at: whether it has the map's gradient, and whether
the tape that will ask for its gradient would see that. Changes nothing of what the program computes.
"""

import collections
import contextlib

from compat_grad import _tf
from compat_grad.legacy.entered import told_of_maps
from compat_grad.legacy.told import told_of_all_ops
from compat_grad.op_level.search import Found, FoundExecuted
from compat_grad.saving.named import stands_for

#: How a map is ignored, in words.
EAGER = "in eager mode, where ops have no gradient of their own"
TAPE = "by the tape inside the graph, which asks for gradients by op type alone"
BODY = "in the body of a loop or branch, which the map of the graph around it does not reach"
FUNCTION = "in the body of a function (or of a Keras model), which the map of the graph around it does not reach"
GRAPH = "in another graph than the map's"
RENAMED = "because the op has a new name: {}"

# What these call was built here, and looked at.
_CONTROL_FLOW = {"Case", "If", "StatelessCase", "StatelessIf", "StatelessWhile", "While"}


class Ignored(collections.namedtuple("Ignored", "map op_type mode taped")):
    """One op that TensorFlow does not give the gradient of a map.

    Attributes:
      map: the `EnteredMap`, with ``mapping``, ``place`` (file, line) and ``where()``.
      op_type: the type of the op.
      mode: how the map was ignored, in words.
      taped: whether a tape listened. Without one, nothing was differentiated in eager mode.
    """

    __slots__ = ()

    def __str__(self):
        return "{} is ignored {}: {} op".format(self.map, self.mode, self.op_type)


@contextlib.contextmanager
def watching(on_ignored, on_left=None):
    """Have each op that ignores a map told of in this context, in all threads.

    Args:
      on_ignored: ``on_ignored(ignored)`` of an `Ignored`, at the op. What it raises reaches the program there.
      on_left: ``on_left(entered)`` of an `EnteredMap` that is left.

    Maps that `honor_override_maps` makes hold are none of its business.
    """
    watch = _Watch(on_ignored, on_left or (lambda entered: None))
    with told_of_maps(watch.scope), _tf.graphs_of_tapes() as tape_is_in:
        watch.tape_is_in = tape_is_in
        yield


class _Watch:
    def __init__(self, on_ignored, on_left):
        self._on_ignored = on_ignored
        self._on_left = on_left
        self._scanned = {}  # what was found in functions, by what was looked for

    def scope(self, entered):
        """Return the context of a map, or None for one that is made to hold."""
        return None if entered.gradients is not None else self._looking(entered)

    @contextlib.contextmanager
    def _looking(self, entered):
        def executed(op, outputs, recorded_inputs):
            if entered.is_innermost():
                self._look_at_executed(entered, op)

        def built(op):
            if entered.is_innermost():
                self._look_at_built(entered, op)

        with told_of_all_ops(executed, built, entered.graph):
            yield
        self._on_left(entered)

    def _look_at_executed(self, entered, op):
        if op.type in entered.meant:
            self._tell(entered, op.type, EAGER, not _tf.no_tapes())
        elif op.type not in _tf.PLAIN_OP_TYPES:
            names = {op_type: name for op_type, (name, _, _) in entered.meant.items()}
            found = FoundExecuted(names, self._scanned.setdefault(tuple(sorted(names.items())), {}))
            found.look_at(op)
            found.look_into_functions()
            self._tell_missed(entered, found, not _tf.no_tapes())

    def _look_at_built(self, entered, op):
        if op.type not in entered.meant:
            self._look_at_call(entered, op)
            return
        name, old, source = entered.meant[op.type]
        given = _tf.gradient_name(op)
        taped = _tf.tapes_follow(list(op.inputs)) and self.tape_is_in(op.graph)
        if given is not None:
            if stands_for(given, name) and taped:
                self._tell(entered, op.type, TAPE, True)
            source.used.add(old)
        elif op.graph is source.graph:
            self._tell(entered, op.type, RENAMED.format(op.type), taped)
        elif _tf.is_control_flow_body(op.graph):
            self._tell(entered, op.type, BODY, taped)
        else:
            self._tell(entered, op.type, FUNCTION if _tf.is_function_graph(op.graph) else GRAPH, taped)

    def _look_at_call(self, entered, op):
        if op.type not in _CONTROL_FLOW and not _tf.gives_no_values(op.type) and _tf.called_functions(op):
            found = Found(op.graph, {op_type: name for op_type, (name, _, _) in entered.meant.items()})
            found.look_at(op)
            found.look_into_functions()
            self._tell_missed(entered, found, _tf.tapes_follow(list(op.inputs)))

    def _tell_missed(self, entered, found, taped):
        for op_type in sorted({op_type for op_type, _, _ in found.missed}):
            self._tell(entered, op_type, FUNCTION, taped)

    def _tell(self, entered, op_type, mode, taped):
        _, old, source = entered.meant[op_type]
        source.used.add(old)
        self._on_ignored(Ignored(source, op_type, mode, taped))
