"""Everything that can be measured in one process, in the one order that TensorFlow 1 allows.

There, plain graphs have to be dealt with before eager execution is enabled, which enabled it stays.
"""

import sys

import tensorflow as tf

from tests import modes
from tests.bench import eager, functions, graphs, leaks


def figures(effort):
    """Yield all figures of this process's TensorFlow but that of the import."""
    yield from graphs.figures(effort)
    yield from leaks.of_graphs(effort)
    if not modes.IS_TF2:
        modes.enable_eager_execution()
    yield from eager.figures(effort)
    if hasattr(tf, "function"):
        yield from functions.figures(effort)
        yield from leaks.of_traces(effort)


def environment():
    """Return what the figures were measured on."""
    return {"tensorflow": tf.__version__, "python": "{}.{}".format(*sys.version_info)}
