"""What this process can do: eager mode, tf.function, plain graphs; and what TensorFlow itself lacks of them.

Asked each time, of a thread of its own where it must be: a process may still choose (``disable_v2_behavior()``), and
the graph that happens to be the default one says nothing about it. Knows nothing of modes or cases.
"""

import contextlib
import functools
import threading
import unittest

from compat_grad import _tf
from compat_grad._tf import tf, v1

#: Whether this is TensorFlow 2, with or without its behaviour.
IS_TF2 = not hasattr(tf, "enable_eager_execution") and not hasattr(tf, "Session")


class NotInThisTensorFlow(unittest.SkipTest):
    """What was asked for cannot be had here; the text says why. pytest and unittest count it as skipped."""


def has_eager():
    """Whether operations execute as they are called, outside of graphs."""
    if _tf.executing_eagerly():
        return True
    found = []
    fresh = threading.Thread(target=lambda: found.append(_tf.executing_eagerly()))  # threads start in no graph
    fresh.start()
    fresh.join()
    return found[0]


def has_functions():
    """Whether there is a tf.function under eager execution."""
    return hasattr(tf, "function") and has_eager()


def has_graphs():
    """Whether plain graphs can be differentiated (1.5 to 1.13 refuse tf.gradients once eager mode is enabled)."""
    return not has_eager() or has_functions()


def behaviour():
    """Return "default"; "eager" (TensorFlow 1 with eager execution); "v1" (TensorFlow 2 without its behaviour)."""
    if IS_TF2:
        return "default" if has_eager() else "v1"
    return "eager" if has_eager() else "default"


def has_forward_mode():
    """Whether there is a tf.autodiff.ForwardAccumulator."""
    return has_eager() and hasattr(getattr(tf, "autodiff", None), "ForwardAccumulator")


def choose_behaviour(wanted):
    """Have this process run TensorFlow so: see `behaviour`. Before anything else uses it.

    Raises:
      ValueError: this TensorFlow has no such behaviour.
    """
    if wanted == "v1" and IS_TF2:
        v1.disable_v2_behavior()
    elif wanted == "eager" and not IS_TF2 and hasattr(v1, "enable_eager_execution"):
        v1.enable_eager_execution()
    elif wanted == "eager" and not IS_TF2:  # pragma: no cover (1.5 and 1.6)
        tf.contrib.eager.enable_eager_execution()
    elif wanted != "default":
        known = "default and v1" if IS_TF2 else "default and eager"
        raise ValueError("TensorFlow {} has the behaviours {}; got {!r}".format(tf.__version__, known, wanted))


def fresh_graph():
    """Return the context of a new default graph where the process builds graphs, and one of nothing elsewhere."""
    return contextlib.ExitStack() if has_eager() else tf.Graph().as_default()


WHY_NO_FORWARD_MODE = "this process has no tf.autodiff.ForwardAccumulator in eager mode"
WHY_NO_EAGER = "this process has no eager mode" + ("" if IS_TF2 else " (it came with 1.5)")
WHY_NO_FUNCTIONS = "this process has no tf.function in eager mode"
WHY_NO_GRAPHS = "TensorFlow 1.5 to 1.13 refuse tf.gradients once eager execution is enabled"


def variable(value):
    """Make a trainable variable in eager mode."""
    if not IS_TF2 and hasattr(tf, "contrib") and has_eager():
        return tf.contrib.eager.Variable(value)
    return tf.Variable(value)


@functools.lru_cache(maxsize=None)
def functions_have_second_derivatives():
    """Whether TensorFlow itself has them by tapes around a tf.function (on 1.14 they are None, or zero)."""
    x = tf.constant(3.0)
    with _tf.GradientTape() as outer:
        outer.watch(x)
        with _tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.function(lambda x: x * x * x)(x)
        first = inner.gradient(y, x)
    return outer.gradient(first, x) is not None
