"""The two names that TensorFlow 1's API goes by, and how a name is looked up that may be missing or have moved.

Knows nothing of what is looked up.
"""

import importlib
import os

import tensorflow as tf

#: The TensorFlow 1 names, wherever they live (``tf.compat.v1`` from 1.13 on, ``tf`` itself before).
v1 = getattr(getattr(tf, "compat", None), "v1", tf)


# For tests, and to see what a TensorFlow to come would do: the private names to miss, with commas between them.
_without = frozenset(os.environ.get("COMPAT_GRAD_WITHOUT", "").split(","))

#: The private names that were looked up -> whether there was one.
looked_up = {}


def first(*paths):
    """Return the first of these dotted names that the running TensorFlow has, or None."""
    called = paths[0].rpartition(".")[2]  # whatever its other names
    found = _first([path for path in paths if called not in _without or not _is_private(path)])
    if any(_is_private(path) for path in paths):
        looked_up[called] = found is not None or looked_up.get(called, False)
    return found


def _is_private(path):
    return path.startswith("tensorflow.python.")


def _first(paths):
    for path in paths:
        module, _, name = path.rpartition(".")
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    return None
