"""Keras models that are built under a map: the layers called there enter it again whenever the model calls them.

In TensorFlow 1 such a call built the layer's ops once, with the map's gradients. Now it only notes which layers follow
each other, and their ops are made anew in each call of the model. Knows nothing of how a map holds.
"""

import contextlib

from compat_grad import _tf
from compat_grad.legacy import kerases
from compat_grad.legacy.entered import entered_again, innermost

_patching = _tf.Lock()
_users = []  # how many contexts are in need of it
_own = {}  # class -> its own __call__


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
    for cls in kerases.called_classes():
        if cls not in _own:
            with _patching:
                if cls not in _own:
                    _own[cls] = cls.__call__
                    cls.__call__ = _remembering_call(cls.__call__, honored)


def _remembering_call(own, honored):
    def __call__(self, *args, **kwargs):
        result = own(self, *args, **kwargs)
        entered = innermost()
        holds = entered is not None and entered.gradients is not None
        if holds and _tf.executing_eagerly() and kerases.is_symbolic(result):
            _remember(self, entered, honored)
        return result

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
