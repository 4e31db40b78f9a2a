"""Give a whole TensorFlow subgraph the gradient you want: one call, TensorFlow 1 and 2, every mode.

>>> import tensorflow as tf
>>> from compat_grad import override_gradient
>>> reverse = override_gradient(tf.identity, lambda op, dy: -dy)

Its types stand in ``__init__.pyi``.
"""

import importlib
import sys
import types

__version__ = "0.2.0"
__all__ = [
    "AvailableStrategies",
    "Op",
    "Override",
    "available_strategies",
    "honor_override_maps",
    "override_gradient",
    "recall_gradients",
    "strict_saving",
]

_ROOMS = {
    "AvailableStrategies": "strategies.table",
    "Op": "call.op",
    "Override": "override",
    "available_strategies": "strategies.table",
    "honor_override_maps": "legacy.honor",
    "override_gradient": "override",
    "recall_gradients": "saving.recalled",
    "strict_saving": "saving.written",
}
_PUBLIC_WINGS = ("keras", "testing")


class _Package(types.ModuleType):
    """This package: it loads TensorFlow when a public name is first asked for, and shows no others.

    So the command line answers at once where it needs no TensorFlow. A class, because Python 3.6 knows no
    ``__getattr__`` of modules.
    """

    def __getattr__(self, name):
        if name in _PUBLIC_WINGS:
            return importlib.import_module("compat_grad." + name)
        if name not in _ROOMS:
            raise AttributeError("module 'compat_grad' has no attribute {!r}".format(name))
        room = "compat_grad." + (_ROOMS[name] if _has_tensorflow() else "_absent")
        value = getattr(importlib.import_module(room), name)
        setattr(self, name, value)
        return value

    def __dir__(self):
        return sorted(__all__ + list(_PUBLIC_WINGS) + [name for name in vars(self) if name.startswith("__")])


def _has_tensorflow():
    """Whether TensorFlow is installed; whatever else is wrong with it is raised."""
    try:
        import tensorflow  # noqa: F401
    except ImportError as error:
        if error.name != "tensorflow":
            raise
        return False
    return True


sys.modules[__name__].__class__ = _Package
