"""What thousands of graphs, traces, overrides, shapes and steps leave behind in a process of their own.

    python -m tests.long.growth KIND CONTENDER COUNT     one contender; prints its `Run` as JSON
    python -m tests.long.growth                          all of them; prints the table of docs/performance.md

Each contender has a process to itself: what one leaves would hide what the next one takes.
"""

import gc
import json
import os
import subprocess
import sys
import types

import numpy as np
import tensorflow as tf

from compat_grad import _tf, override_gradient
from compat_grad.call import traced
from tests import modes
from tests.bench import memory
from tests.long.how_much import scaled
from tests.modes import v1
from tests.processes import where_compat_grad_is

POINTS = 40  # at which a run looks at itself; the first half is warming up
WHOLE, OPS, THEIRS, NONE = "override", "op-level override", "tf.custom_gradient", "none"
OURS = [WHOLE, OPS]


def _whole():
    return override_gradient(tf.square, lambda op, dy: 10.0 * dy)


def _ops():
    return override_gradient(tf.square, {"Square": lambda op, dy: 10.0 * dy})


def _theirs():
    return tf.custom_gradient(lambda x: (tf.square(x), lambda dy: 10.0 * dy))


def _none():
    return lambda x: tf.square(x)


MAKERS = {WHOLE: _whole, OPS: _ops, THEIRS: _theirs, NONE: _none}


def contenders():
    """Return the contenders that this TensorFlow has."""
    return [name for name in MAKERS if name != THEIRS or hasattr(tf, "custom_gradient")]


def _step(f, x):
    (dx,) = modes.by_tape(f, [x])[1]
    return dx


def eager_steps(make, f, call):
    """Steps with gradient, eagerly"""
    _step(f, tf.constant([1.0, 2.0]))


def shapes(make, f, call):
    """The same, each with an argument of another shape"""
    _step(f, tf.ones([1 + call % 60, 1 + call // 60]))


def retraces(make, f, call):
    """Functions, traced with gradient and called"""
    tf.function(lambda x: _step(f, x))(tf.constant([1.0, 2.0]))


def graphs(make, f, call):
    """Plain graphs with gradient"""
    with tf.Graph().as_default():
        x = v1.placeholder(tf.float32, [2])
        v1.gradients(f(x), x)


def overrides(make, f, call):
    """Overrides, made, used and dropped"""
    new = make()
    if modes.HAS_EAGER:
        _step(new, tf.constant([1.0, 2.0]))
    else:
        graphs(make, new, call)


#: How often each kind of call is made.
COUNTS = {eager_steps: 1000000, shapes: 3000, retraces: 10000, graphs: 10000, overrides: 10000}
KINDS = {kind.__name__: kind for kind in COUNTS}


def kinds():
    """Return the kinds of call that a process of `run` can make, which is eager for all but graphs."""
    eager = hasattr(tf, "enable_eager_execution") or modes.IS_TF2
    can = {eager_steps: eager, shapes: eager, retraces: hasattr(tf, "function"), graphs: True, overrides: True}
    return [kind for kind in COUNTS if can[kind]]


class Run:
    """What a contender has left behind, at each of the points.

    Attributes:
      calls, bytes, objects, names, ours: lists: calls so far; resident bytes; objects that the garbage collector knows;
        names in TensorFlow's registry of gradients; objects of this package's.
    """

    def __init__(self, **lists):
        self.__dict__.update(lists)

    def slope(self, what):
        """Return (the growth of a list a call, its standard error), by least squares over the second half."""
        half = len(self.calls) // 2
        x, y = (np.asarray(values[half:], float) for values in (self.calls, getattr(self, what)))
        x, y = x - x.mean(), y - y.mean()
        slope = (x * y).sum() / (x * x).sum()
        return slope, np.sqrt(((y - slope * x) ** 2).sum() / (len(x) - 2) / (x * x).sum())

    def growth(self, what):
        """Return by how much a list is longer in the second half than it was in the first."""
        half = len(self.calls) // 2
        return max(getattr(self, what)[half:]) - max(getattr(self, what)[:half])


def run(kind, contender, count):
    """Return the `Run` of so many calls of a kind, made in a process of their own."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([*where_compat_grad_is(), root]))
    if not modes.IS_TF2 and kind is not graphs and hasattr(tf, "enable_eager_execution"):
        environment["COMPAT_GRAD_BEHAVIOUR"] = "eager"
    command = [sys.executable, "-m", "tests.long.growth", kind.__name__, contender, str(count)]
    # What it says of retracing is right, and not wanted.
    said = subprocess.check_output(command, env=environment, stderr=subprocess.DEVNULL, universal_newlines=True)
    return Run(**json.loads(said.splitlines()[-1]))


def measure(kind, contender, count):
    """Make the calls here; return what `Run` is made of."""
    make, block = MAKERS[contender], max(1, count // POINTS)
    # An op-level override forgets its traces when they are many: here, always at a point.
    traced.MOST_TRACES = min(traced.MOST_TRACES, 4 * block)
    f, seen = make(), {"calls": [], "bytes": [], "objects": [], "names": [], "ours": []}
    for point in range(POINTS):
        for call in range(point * block, (point + 1) * block):
            kind(make, f, call)
        if point == 0 and hasattr(gc, "freeze"):
            gc.collect()
            gc.freeze()  # TensorFlow's own objects, which each look would go through
        found = _look()
        found["calls"] = (point + 1) * block
        for what in seen:
            seen[what].append(found[what])
    return seen


def _look():
    for _ in range(2):
        gc.collect()
    things = gc.get_objects()
    return {
        "objects": len(things),
        "ours": sum(map(_is_ours, things)),
        "names": len(_tf.registered_names()),
        "bytes": memory.resident() if memory.KNOWN else 0,
    }


def _is_ours(thing):
    """Whether it is made by this package: an object of a class of ours, or a function that was defined in a call."""
    module = getattr(thing if type(thing) is types.FunctionType else type(thing), "__module__", None)
    return isinstance(module, str) and module.startswith("compat_grad")


def how_often(kind):
    """Return how many calls a run of a kind makes: as many as points, at least."""
    return max(POINTS, scaled(COUNTS[kind]))


def table(kinds):
    """Yield the lines of a Markdown table: bytes a call, with standard error, of each kind and contender."""
    yield "| TensorFlow {} | calls | {} |".format(tf.__version__, " | ".join(MAKERS))
    yield "| --- | --- |{}".format(" --- |" * len(MAKERS))
    for kind in kinds:
        count = how_often(kind)
        cells = []
        for contender in MAKERS:
            if contender in contenders():
                found = run(kind, contender, count)
                cells.append("{:,.1f} ± {:,.1f}".format(*found.slope("bytes")))
            else:
                cells.append("")
        yield "| {} | {:,} | {} |".format(kind.__doc__, count, " | ".join(cells))


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(json.dumps(measure(KINDS[sys.argv[1]], sys.argv[2], int(sys.argv[3]))))
    else:
        for line in table([kind for kind in kinds() if not sys.argv[1:] or kind.__name__ in sys.argv[1:]]):
            print(line, flush=True)
