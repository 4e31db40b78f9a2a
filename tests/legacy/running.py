"""Runs a legacy program in a mode and holds what comes out against its formulas."""

import contextlib
import importlib
import pkgutil

import numpy as np
from tensorflow.python.framework import ops

from tests.legacy import programs

NAMES = sorted(module.name for module in pkgutil.iter_modules(programs.__path__))


def load(name, package="programs"):
    """Import a program by its name."""
    return importlib.import_module("tests.legacy.{}.{}".format(package, name))


@contextlib.contextmanager
def registry_put_back():
    """Forget afterwards what programs register: the same names come again in their rewritten forms."""
    registered = ops._gradient_registry._registry
    before = dict(registered)
    try:
        yield
    finally:
        for name in set(registered) - set(before):
            del registered[name]


def run(module, mode, honor=None):
    """Return (value, gradients) of a program in a mode, as arrays; None where there is no gradient.

    Args:
      honor: applied to the program before it is run.
    """
    program, variables = module.make() if hasattr(module, "make") else (module.program, [])
    if honor is not None:
        program = honor(program)
    inputs = [np.array(one, np.float32) for one in module.INPUTS]
    dy = _weights(module.value(*inputs))

    def differentiated(differentiate, *tensors):
        def f(*arguments):
            return program(*arguments[: len(tensors)])

        return differentiate(f, list(tensors) + variables, [dy])

    value, gradients = mode.run(differentiated, *inputs)
    return value, gradients


def assert_as_its_formulas(module, value, gradients):
    """Assert that value and gradients are what the program's formulas say, to rounding."""
    inputs = [np.array(one, np.float32) for one in module.INPUTS]
    expected = module.value(*inputs)
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)
    wanted = module.gradients(_weights(expected), *inputs)
    assert len(gradients) == len(wanted)
    for number, (found, want) in enumerate(zip(gradients, wanted)):
        assert found is not None, "no gradient for input {}".format(number)
        np.testing.assert_allclose(found, want, rtol=1e-5, atol=1e-6, err_msg="input {}".format(number))


def _weights(value):
    """Return a gradient for an output, no two elements of which are the same, of both signs."""
    return np.linspace(-1.5, 2.0, np.size(value)).reshape(np.shape(value)).astype(np.float32)
