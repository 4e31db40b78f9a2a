"""Which graph a tape was started in: a tape in a function asks for the gradients of single ops, one around it does not.

Knows nothing of what tapes record.
"""

import contextlib
import threading
import weakref

from compat_grad._tf.autograph import not_converted
from compat_grad._tf.modes import executing_eagerly, get_default_graph
from compat_grad._tf.tapes import GradientTape
from compat_grad._tf.threads import Lock

_patching = Lock()
_users = 0
_own = (getattr(GradientTape, "_push_tape", None), getattr(GradientTape, "_pop_tape", None))
_thread = threading.local()  # .tapes: [(the tape, a weak reference to its graph)]


@contextlib.contextmanager
def graphs_of_tapes():
    """Yield ``started_in(graph)``: whether a tape that is recording was started by this thread while building graph.

    Of tapes that were started before nothing is known; nor, where TensorFlow hides how it starts them, of any: then
    the answer is yes.
    """
    global _users
    if None in _own:
        yield lambda graph: GradientTape is not None
        return
    with _patching:
        _users += 1
        GradientTape._push_tape, GradientTape._pop_tape = _push, _pop
    try:
        yield _started_in
    finally:
        with _patching:
            _users -= 1
            if not _users:
                GradientTape._push_tape, GradientTape._pop_tape = _own


@not_converted
def _push(tape, *args, **kwargs):
    _own[0](tape, *args, **kwargs)
    graph = None if executing_eagerly() else weakref.ref(get_default_graph())
    _tapes().append((tape, graph))


@not_converted
def _pop(tape, *args, **kwargs):
    _tapes()[:] = [item for item in _tapes() if item[0] is not tape]
    return _own[1](tape, *args, **kwargs)


def _tapes():
    if not hasattr(_thread, "tapes"):
        _thread.tapes = []
    return _thread.tapes


def _started_in(graph):
    return any(reference is not None and reference() is graph for _, reference in _tapes())
