"""`tf.Graph.gradient_override_map`: for one thread alone, being told of each that a program enters, what one says now.

Knows nothing of what becomes of a map.
"""

import collections.abc
import contextlib
import os
import sys
import threading

from compat_grad._tf.autograph import not_converted
from compat_grad._tf.lookup import tf
from compat_grad._tf.threads import Lock

_tensorflow = os.path.dirname(tf.__file__)  # and, of 1.15 to 2.1, the beginning of tensorflow_core
_calls_of_functions = os.path.join("python", "eager", "function.py")
_patching = Lock()
_told = []  # of all threads: who wants to be told
_own = tf.Graph.gradient_override_map


def enter_override_map(graph, mapping):
    """Return the context in which ops added to graph get the gradients of these names, as TensorFlow has it."""
    return _own(graph, mapping)


def override_map_of(graph):
    """Return a dict of what graph's override map says at the moment: {} where TensorFlow hides it."""
    return dict(getattr(graph, "_gradient_override_map", None) or {})


@contextlib.contextmanager
def enter_override_map_of_thread(graph, mapping):
    """Return the context in which ops that this thread adds to graph get the gradients of these names.

    None that another thread adds does, nor one that is built `for_our_own_ops`. Where TensorFlow hides the map, all do.
    """
    maps = _map_of_threads(graph)
    if maps is None:  # pragma: no cover (a TensorFlow that hides it)
        with _own(graph, mapping):
            yield
        return
    with maps.own(mapping):
        yield


class _Building(threading.local):
    depth = 0  # how many ops of ours this thread is building, one for another


_building = _Building()


@contextlib.contextmanager
def for_our_own_ops():
    """Return the context for what an override builds itself: none of it is overridden."""
    _building.depth += 1
    try:
        yield
    finally:
        _building.depth -= 1


def are_our_own_ops():
    """Whether what this thread builds now is an override's own."""
    return _building.depth > 0


_replacing = Lock()


def _map_of_threads(graph):
    """Return the map of graph, made one of which threads may have their own; None where TensorFlow hides it."""
    with _replacing:
        maps = getattr(graph, "_gradient_override_map", None)
        if maps is not None and not isinstance(maps, _MapOfThreads):
            maps = graph._gradient_override_map = _MapOfThreads(maps)
    return maps


class _OfThread(threading.local):
    """One for all graphs: a thread-local object of each graph would be collected while threads end."""

    def __init__(self):
        self.maps = {}  # id of a `_MapOfThreads` -> the map that this thread has instead of the graph's


_of_thread = _OfThread()


class _MapOfThreads(collections.abc.MutableMapping):
    """A graph's override map, of which a thread may have one of its own for a while; it sets out from the graph's.

    The map is state of the graph: a second thread that builds in it would get the override, too, and two that enter
    maps in turns would leave each other's behind. Keys that equal a type in one thread only would not do: a dict may
    lose one while another thread runs in the comparison (seen on CPython 3.6, 3.11 and 3.13).
    """

    def __init__(self, of_graph):
        self._of_graph = of_graph

    @contextlib.contextmanager
    def own(self, mapping):
        maps, key = _of_thread.maps, id(self)
        outer = maps.get(key)
        maps[key] = dict(self._of_graph if outer is None else outer, **mapping)
        try:
            yield
        finally:
            if outer is None:
                del maps[key]
            else:
                maps[key] = outer

    def _now(self):
        own = _of_thread.maps.get(id(self))
        return self._of_graph if own is None or are_our_own_ops() else own

    def __getitem__(self, op_type):
        return self._now()[op_type]

    def __setitem__(self, op_type, name):
        self._now()[op_type] = name

    def __delitem__(self, op_type):
        del self._now()[op_type]

    def __iter__(self):
        return iter(self._now())

    def __len__(self):
        return len(self._now())


@contextlib.contextmanager
def told_of_override_maps(entering):
    """Return the context in which the whole process tells of each override map that is entered.

    Not of those that TensorFlow enters itself, for the call of a function (1.13 to 2.1).

    Args:
      entering: ``entering(graph, mapping, place)``, a context that is entered in the place of the map; place is the
        file and the line of the with-statement.
    """
    with _patching:
        _told.append(entering)
        tf.Graph.gradient_override_map = _tell
    try:
        yield
    finally:
        with _patching:
            _told.remove(entering)
            if not _told:
                tf.Graph.gradient_override_map = _own


def _tell(self, op_type_map):
    told = list(dict.fromkeys(_told))
    if not told or _calls_a_function(sys._getframe(1)):  # not told: the last one went meanwhile
        return _own(self, op_type_map)
    return told[0](self, op_type_map, _caller())


_tell.__doc__ = _own.__doc__
_tell.__name__ = _own.__name__
not_converted(_tell)


def _calls_a_function(frame):
    path = frame.f_code.co_filename
    return path.startswith(_tensorflow) and path.endswith(_calls_of_functions)


def _caller():
    """Return the (file, line) of the user's code that called us, that which AutoGraph has made its own of if it did."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith(_tensorflow):
        frame = frame.f_back
    if frame is None:  # pragma: no cover (a thread of TensorFlow's own)
        return "?", 0
    converted = "ag__" in frame.f_code.co_freevars or "ag__" in frame.f_globals
    return (converted and _by_source_map(frame)) or (frame.f_code.co_filename, frame.f_lineno)


def _by_source_map(frame):
    """Return the place that AutoGraph's own map has for frame, of what it wrote; None for ``tf.autograph.to_graph``."""
    written = frame.f_code.co_filename, frame.f_lineno
    while frame is not None:  # up to what called the function which that is in
        origin = getattr(frame.f_locals.get("converted_f"), "ag_source_map", {}).get(written)
        if origin is not None:
            return origin.loc.filename, origin.loc.lineno
        frame = frame.f_back
    return None
