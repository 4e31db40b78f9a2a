"""A failure in the user's own code is the user's to catch: it keeps its type and leaves nothing of the call behind.

It is caught where it hurts most: within the graph or the function that is being built, which then goes on.
"""

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import _tf, available_strategies, override_gradient
from compat_grad.op_level import marking
from compat_grad.strategies import unending
from tests import modes
from tests.modes import assert_same_bits, v1

X = np.array([0.5, -1.25, 3.0], np.float32)


def reshape_wrongly():
    return tf.reshape(tf.constant([1.0, 2.0]), [7])


def raising(error):
    def fail():
        raise error

    return fail


FAILURES = {
    "ValueError": (raising(ValueError("my own words")), ValueError),
    "KeyboardInterrupt": (raising(KeyboardInterrupt()), KeyboardInterrupt),
    "SystemExit": (raising(SystemExit(3)), SystemExit),
    "RecursionError": (raising(RecursionError("my own words")), RecursionError),
    "StopIteration": (raising(StopIteration("my own words")), StopIteration),
    "GeneratorExit": (raising(GeneratorExit()), GeneratorExit),
    "TensorFlow's": (raising(tf.errors.OutOfRangeError(None, None, "my own words")), tf.errors.OutOfRangeError),
    "an op's": (reshape_wrongly, (ValueError, tf.errors.InvalidArgumentError)),
}


FEW = ("KeyboardInterrupt", "StopIteration", "TensorFlow's")


class Code:
    """A user's functions, one of which fails while it is told to."""

    fail = None  # (which function, what it does)

    def run(self, part):
        if self.fail is not None and self.fail[0] == part:
            self.fail[1]()

    def forward(self, x):
        y = tf.abs(x)
        with tf.name_scope("mine"), tf.device("/cpu:0"), tf.control_dependencies([y]):
            self.run("forward")
            return 1.0 * y

    def backward(self, op, dy):
        with tf.name_scope("mine"), tf.device("/cpu:0"):
            self.run("backward")
            return 10.0 * dy

    def surrogate(self, x):
        self.run("surrogate")
        return 10.0 * x


OVERRIDES = {
    "function": lambda code, strategy: override_gradient(code.forward, code.backward, strategy=strategy),
    "surrogate": lambda code, strategy: override_gradient(code.forward, surrogate=code.surrogate, strategy=strategy),
    "op": lambda code, strategy: override_gradient(code.forward, {"Abs": code.backward}),
    "nested": lambda code, strategy: override_gradient(
        override_gradient(code.forward, code.backward, strategy=strategy), lambda op, dy: op.native_gradient(dy)
    ),
}
KINDS = [("function", strategy) for strategy in ("auto", "gradient_override_map", "custom_gradient")]
KINDS += [("surrogate", "auto"), ("surrogate", "stop_gradient"), ("op", "auto"), ("nested", "auto")]


def state():
    """Return what TensorFlow and compat_grad remember between calls, of this thread and its default graph."""
    graph = v1.get_default_graph()
    return {
        "graph": graph,
        "override map": dict(graph._gradient_override_map),
        "name scope": graph._name_stack,
        "devices": str(getattr(graph, "_device_functions_outer_to_inner", None)),
        "control dependencies": len(graph._control_dependencies_stack),
        "eager": modes.executing_eagerly(),
        "listening": marking.tapes_listen(),
        "recording": tapes_record(),
        "building our own": _tf.are_our_own_ops(),
        "running": set(unending._running.calls),
    }


def tapes_record():
    """Whether a tape that is opened now is told what is computed."""
    if not hasattr(tf, "GradientTape"):
        return None
    x = tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * 3.0
    return tape.gradient(y, x) is not None


@pytest.mark.parametrize("kind, strategy", KINDS, ids=str)
def test_a_failure_leaves_nothing_behind(mode, kind, strategy):
    if kind == "op" and modes.executing_eagerly() and not modes.HAS_FUNCTIONS:
        pytest.skip("TensorFlow has tf.function from 1.14 on")
    code = Code()
    failures = sorted(FAILURES if (kind, strategy) == ("function", "auto") else FEW)
    parts = ("forward", "surrogate") if kind == "surrogate" else ("forward", "backward")
    caught = []

    def program(differentiate, x):
        before, results = state(), []
        for part in parts:
            f = OVERRIDES[kind](code, strategy)  # anew: a trace that has worked keeps its gradient
            for name in failures:
                fail, exception = FAILURES[name]
                what = "{} in {}".format(name, part)
                code.fail = part, fail
                with pytest.raises(exception) as info:
                    differentiate(f, [x])
                caught.append((what, info.type, exception))
                assert state() == before, what
            code.fail = None
            results.append(differentiate(f, [x])[1][0])
        return results

    if strategy != "auto" and strategy in _unavailable(mode):
        pytest.skip("this TensorFlow lacks the strategy: see available_strategies()")
    for gradient in mode.run(program, X):
        assert_same_bits(gradient, np.full_like(X, 10.0))
    assert len(caught) == 2 * len(failures)
    for what, found, expected in caught:
        assert found is expected or found in np.atleast_1d(expected), what


def _unavailable(mode):
    told = {}

    def program(differentiate, x):
        told.update(available_strategies().unavailable)
        return [x]

    mode.run(program, X)
    return told
