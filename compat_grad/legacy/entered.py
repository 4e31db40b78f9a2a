"""The override maps that a thread has entered, one around the other, and who is told of them.

Knows nothing of what is done with a map; `told_of_maps` is the way in.
"""

import contextlib
import os
import threading

from compat_grad import _tf
from compat_grad.legacy.renamed import with_new_names

_thread = threading.local()  # .innermost: the innermost `EnteredMap` of this thread
_handlers = []  # (whether it comes first, handler), of all threads


class EnteredMap:
    """A map that is entered: ``with graph.gradient_override_map(mapping)``.

    Attributes:
      graph: the graph whose map it is.
      mapping: dict from op types to the names of gradients, as the program has it.
      place: the file and the line of the with-statement; None for what was entered before anybody looked.
      outer: the `EnteredMap` around it, or None.
      gradients: what makes it hold, if somebody does.
      used: the mapped op types that there were ops of.
      meant: {op type: (name, the type that the mapping names, the `EnteredMap` that says so)}, what maps around it say
        included, and the types that took the place of mapped ones.
    """

    def __init__(self, graph, mapping, outer, place):
        self.graph = graph
        self.mapping = mapping
        self.place = place
        self.outer = outer
        self.gradients = None
        self.used = set()
        self.meant = {} if outer is None else dict(outer.meant)
        for op_type, (name, old) in with_new_names(mapping).items():
            self.meant[op_type] = name, old, self

    def is_innermost(self):
        """Whether it is the innermost one of this thread, which alone acts, for those around it as well."""
        return innermost() is self

    def chain(self):
        """Return what the maps say and where, from the outermost in, for `entered_again`."""
        around = () if self.outer is None else self.outer.chain()
        return around + ((tuple(sorted(self.mapping.items())), self.place),)

    def __str__(self):
        return "gradient_override_map({}) of {}".format(self.mapping, self.where())

    def where(self):
        """Return "file:line"."""
        if self.place is None:
            return "the code around"
        path, line = self.place
        nearby = os.path.relpath(path) if os.path.isabs(path) and _below(path) else path
        return "{}:{}".format(nearby, line)


def _below(path):
    return os.path.realpath(path).startswith(os.path.realpath(os.curdir) + os.sep)


def innermost():
    """Return the innermost `EnteredMap` of this thread, or None."""
    return getattr(_thread, "innermost", None)


@contextlib.contextmanager
def told_of_maps(handler, first=False):
    """Have ``handler(entered)`` called for each `EnteredMap` of the process in this context.

    What it returns is a context that is entered with the map, or None. Who makes maps hold comes first, so that others
    see what is left.
    """
    telling = first, handler
    _handlers.append(telling)
    try:
        with _tf.told_of_override_maps(_entering):
            yield
    finally:
        _handlers.remove(telling)


@contextlib.contextmanager
def _entering(graph, mapping, place):
    with contextlib.ExitStack() as stack:
        stack.enter_context(_tf.enter_override_map(graph, mapping))  # which refuses what is no map
        outer, entered = innermost(), EnteredMap(graph, dict(mapping), innermost(), place)
        _thread.innermost = entered
        stack.callback(setattr, _thread, "innermost", outer)
        for _, handler in sorted(dict.fromkeys(_handlers), key=lambda telling: not telling[0]):
            scope = handler(entered)
            if scope is not None:
                stack.enter_context(scope)
        yield


@contextlib.contextmanager
def entered_before():
    """Return the context in which the maps that this thread has entered already are told of."""
    mapping, known = {}, innermost()
    if known is not None and known.gradients is not None:
        yield
        return
    for graph in reversed(list(_tf.graphs_around(_tf.get_default_graph()))):
        mapping.update(_tf.override_map_of(graph))
    mapping = {op_type: name for op_type, name in mapping.items() if not name.startswith("compat_grad")}
    if not mapping:
        yield
        return
    with _entering(_tf.get_default_graph(), mapping, None):
        yield


@contextlib.contextmanager
def entered_again(chain):
    """Return the context in which this thread has entered the maps of a chain, on the graph at hand."""
    with contextlib.ExitStack() as stack:
        for mapping, place in chain:
            stack.enter_context(_entering(_tf.get_default_graph(), dict(mapping), place))
        yield
