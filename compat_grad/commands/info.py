"""``python -m compat_grad info``: the versions, the mode, and which strategies can be had in it and why.

Knows no mode or strategy by itself: it prints what `available_strategies` finds.
"""

import argparse
import contextlib
import platform

import compat_grad
from compat_grad.commands import COMMANDS, PROGRAM


def main(argv):
    """Print the report; return 0."""
    argparse.ArgumentParser(prog=PROGRAM + " info", description=COMMANDS["info"]).parse_args(argv)
    print(describe())
    return 0


def describe():
    """Return the report as one string of several lines."""
    lines = ["{:<12} {}".format(*row) for row in _versions()]
    for title, scope in _modes():
        with scope:
            lines += ["", "strategies {}:".format(title)] + _strategies(compat_grad.available_strategies())
    return "\n".join(lines + _missing())


def _missing():
    """Return lines that name the private parts of TensorFlow which cannot be found here, and what that costs."""
    from compat_grad import _tf

    rows = ["  {:<30} {}".format(name, cost) for name, cost in sorted(_tf.missing().items())]
    return (
        ["", "not found in this TensorFlow, and what that costs where it has the public part:"] + rows if rows else []
    )


def _versions():
    import numpy as np

    from compat_grad import _tf
    from compat_grad._tf import tf

    return [
        ("compat_grad", compat_grad.__version__),
        ("TensorFlow", tf.__version__),
        ("Python", platform.python_version()),
        ("NumPy", np.__version__),
        ("mode", "eager" if _tf.executing_eagerly() else "graph"),
    ]


def _modes():
    """Return (title, context) of the mode at hand and, behind eager mode, of the graphs built under it."""
    from compat_grad import _tf
    from compat_grad._tf import tf

    if not _tf.executing_eagerly():
        return [("in graph mode", contextlib.ExitStack())]
    modes = [("in eager mode", contextlib.ExitStack())]
    with tf.Graph().as_default():
        if not _tf.executing_eagerly():  # TensorFlow 1.7 stays eager in there
            modes.append(("inside graphs and functions", tf.Graph().as_default()))
    return modes


def _strategies(available):
    rows = [(name, "available") for name in available]
    rows[0] = (available[0], 'available; "auto" picks it')
    rows = [(name, text + ", for a surrogate only" if name == "stop_gradient" else text) for name, text in rows]
    rows += [(name, "not here: " + reason) for name, reason in sorted(available.unavailable.items())]
    return ["  {:<22} {}".format(*row) for row in rows]
