"""`tf.Graph.gradient_override_map`: being told of each map that a program enters, and what a graph's map says now.

Knows nothing of what becomes of a map.
"""

import contextlib
import os
import sys

from compat_grad._tf.autograph import not_converted
from compat_grad._tf.lookup import first, tf
from compat_grad._tf.threads import Lock

_tensorflow = os.path.dirname(tf.__file__)
_extract_stack = first("tensorflow.python.util.tf_stack.extract_stack")
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
def told_of_override_maps(entering):
    """Return the context in which the whole process tells of each override map that is entered.

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
    if not told:  # the last one went meanwhile
        return _own(self, op_type_map)
    return told[0](self, op_type_map, _caller())


_tell.__doc__ = _own.__doc__
_tell.__name__ = _own.__name__
not_converted(_tell)


def _caller():
    """Return the (file, line) of the user's code that called us, that which AutoGraph has made its own of if it did."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith(_tensorflow):
        frame = frame.f_back
    if frame is None:
        return "?", 0
    converted = "ag__" in frame.f_code.co_freevars or "ag__" in frame.f_globals
    return (converted and _before_autograph()) or (frame.f_code.co_filename, frame.f_lineno)


def _before_autograph():
    """Return the place as TensorFlow's own stack traces tell it."""
    ours = os.path.dirname(os.path.dirname(__file__))
    for entry in reversed(_extract_stack() if _extract_stack is not None else ()):
        place = (entry.filename, entry.lineno) if hasattr(entry, "filename") else (entry[0], entry[1])
        if not place[0].startswith((ours, _tensorflow)):
            return place
    return None
