"""The two names that TensorFlow 1's API goes by, and how a name is looked up that may be missing or have moved.

Knows nothing of what is looked up.
"""

import importlib

import tensorflow as tf

#: The TensorFlow 1 names, wherever they live (``tf.compat.v1`` from 1.13 on, ``tf`` itself before).
v1 = getattr(getattr(tf, "compat", None), "v1", tf)


def first(*paths):
    """Return the first of these dotted names that the running TensorFlow has, or None."""
    for path in paths:
        module, _, name = path.rpartition(".")
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    return None
