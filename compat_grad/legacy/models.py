"""Keras models that are built under a map: the layers called there enter it again whenever the model calls them.

In TensorFlow 1 such a call built the layer's ops once, with the map's gradients. Now it only notes which layers follow
each other, and their ops are made anew in each call of the model. Knows nothing of how a map holds.
"""

import contextlib
import threading

from compat_grad import _tf
from compat_grad.legacy import kerases
from compat_grad.legacy.entered import entered_again, innermost

_patching = _tf.Lock()
_users = []  # how many contexts are in need of it
_own = {}  # class -> its own __call__
_thread = threading.local()  # .watched: list of `_PlainOps`; .depth: how many layers this thread is calling


@contextlib.contextmanager
def remembering():
    """Return the context in which layers that are called for a model to be remember the maps that they are under."""
    with _patching:
        _users.append(None)
    try:
        yield
    finally:
        with _patching:
            _users.pop()
            if not _users:
                for cls, own in _own.items():
                    cls.__call__ = own
                _own.clear()


def look_for_kerases(honored):
    """Have the layers of all Kerases that are loaded by now tell of their calls, while somebody is `remembering`.

    Args:
      honored: ``honored(function, looks_like)``, a callable whose override maps hold.
    """
    with _patching:
        for cls in kerases.called_classes():
            if cls not in _own:
                _own[cls] = cls.__call__
                cls.__call__ = _remembering_call(cls.__call__, honored)


def _remembering_call(own, honored):
    def __call__(self, *args, **kwargs):
        entered = innermost()
        holds = entered is not None and entered.gradients is not None
        if holds and _tf.executing_eagerly() and kerases.is_symbolic((args, kwargs)):
            _remember(self, entered, honored)  # before: to 1.13 a model trains on the ops that this call builds
        with _ops_are_layers():
            return own(self, *args, **kwargs)

    return __call__


def _remember(layer, entered, honored):
    maps = entered.chain()
    before = getattr(layer, "_compat_grad_maps", None)
    if before == maps:
        return
    if before is not None:
        raise ValueError(
            "{}: the layer {!r} is called under it for a model, and was under other maps before: its calls in a model "
            "cannot be told apart. Make a layer for each.".format(entered, layer.name)
        )
    call = layer.call

    def under_maps(*args, **kwargs):
        with entered_again(maps):
            return call(*args, **kwargs)

    layer._compat_grad_maps = maps
    layer.call = honored(under_maps, call)


# --- what no layer remembers ----------------------------------------------------------------------------------


@contextlib.contextmanager
def refusing_plain_ops(entered):
    """Return the context of an `EnteredMap` in which plain functions of Keras tensors may build none of its ops.

    To 2.3 they build them in a graph of Keras, and the model makes copies, with native gradients, when it is called.

    Raises:
      ValueError: at its end, of such an op.
    """
    watched = _PlainOps()
    _thread.watched = [*getattr(_thread, "watched", ()), watched]
    try:
        yield
    finally:
        _thread.watched = [one for one in _thread.watched if one is not watched]
    for op in watched.built():
        if op.type in entered.meant:
            raise ValueError(
                "{}: it cannot hold for {!r}, which a plain function builds on a Keras tensor: on this TensorFlow (2.4 "
                "and later can) the model makes such ops again, with their native gradients. Compute it in a layer, "
                "such as Activation or Lambda.".format(entered, op.name)
            )


class _PlainOps:
    """The ops that are built for models to be, but those that layers build."""

    def __init__(self):
        self._graphs = [(graph, len(graph.get_operations())) for graph in kerases.graphs_of_models()]
        self._of_layers = []
        self._plain = []  # those there were when the layer that is being called began

    def built(self):
        """Return the ops that have been built until now."""
        of_layers = {id(op) for op in self._of_layers}
        return [op for op in self._since_first() if id(op) not in of_layers]

    def _since_first(self):
        return [op for graph, first in self._graphs for op in graph.get_operations()[first:]]

    def layer_begins(self):
        self._plain = self.built()

    def layer_ends(self):
        plain = {id(op) for op in self._plain}
        self._of_layers = [op for op in self._since_first() if id(op) not in plain]


@contextlib.contextmanager
def _ops_are_layers():
    watched = () if getattr(_thread, "depth", 0) else getattr(_thread, "watched", ())
    for one in watched:
        one.layer_begins()
    _thread.depth = getattr(_thread, "depth", 0) + 1
    try:
        yield
    finally:
        _thread.depth -= 1
        for one in watched:
            one.layer_ends()
