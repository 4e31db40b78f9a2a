"""Loading again, as notebooks do: overrides and the library itself."""

import importlib

import numpy as np
import tensorflow as tf

from compat_grad import override_gradient, strategies
from tests.modes import assert_same_bits

X = np.array([0.5, -1.25, 3.0], np.float32)


def _gradient(mode, f):
    return mode.run(lambda differentiate, x: differentiate(f, [x])[1], X)


def test_the_library_may_be_loaded_again(mode):
    """Registering one name twice raises KeyError, in every version; what was built before still differentiates."""
    before = dict(vars(strategies))
    old = override_gradient(lambda x: 2.0 * x, lambda op, dy: 10.0 * dy, strategy="auto")
    assert_same_bits(_gradient(mode, old), [np.full_like(X, 10)])
    try:
        importlib.reload(strategies)
        for name in ("STRATEGIES", "pick_strategy"):
            setattr(importlib.import_module("compat_grad.override"), name, getattr(strategies, name))
        new = override_gradient(lambda x: 2.0 * x, lambda op, dy: 100.0 * dy)
        assert_same_bits(_gradient(mode, new), [np.full_like(X, 100)])
        assert_same_bits(_gradient(mode, old), [np.full_like(X, 10)])
    finally:
        vars(strategies).update(before)
        for name in ("STRATEGIES", "pick_strategy"):
            setattr(importlib.import_module("compat_grad.override"), name, before[name])


def test_an_override_may_be_defined_again_under_its_name(mode):
    for factor in (10.0, 100.0):
        f = override_gradient(tf.identity, lambda op, dy, factor=factor: factor * dy, name="again")
        assert_same_bits(_gradient(mode, f), [np.full_like(X, factor)])
