"""Runs a legacy program in a mode and holds what comes out against its formulas."""

import contextlib
import importlib
import pkgutil
import sys

import numpy as np
from tensorflow.python.framework import ops

from compat_grad import _tf
from tests.legacy import programs

NAMES = sorted(module.name for module in pkgutil.iter_modules(programs.__path__))


def load(name, package="programs"):
    """Import a program by its name."""
    return importlib.import_module("tests.legacy.{}.{}".format(package, name))


def unload(name, package="programs"):
    """Have a program imported anew the next time, which registers its gradients once more."""
    sys.modules.pop("tests.legacy.{}.{}".format(package, name), None)


@contextlib.contextmanager
def registry_put_back():
    """Forget afterwards what programs register: the same names come again in their rewritten forms."""
    registered = ops._gradient_registry._registry
    before = dict(registered)
    try:
        yield
    finally:
        for name in set(registered) - set(before):
            # TensorFlow registers some of its own when it first needs them, and compat_grad those that it still uses.
            if _tf.op_definition(name) is None and not name.startswith(("compat_grad", "PartitionedCall")):
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


def expected_gradients(module):
    """Return the gradients that the program's formulas say."""
    inputs = [np.array(one, np.float32) for one in module.INPUTS]
    return module.gradients(_weights(module.value(*inputs)), *inputs)


def assert_as_its_formulas(module, value, gradients, what="in a graph"):
    """Assert that value and gradients are what the program's formulas say, to rounding."""
    inputs = [np.array(one, np.float32) for one in module.INPUTS]
    np.testing.assert_allclose(value, module.value(*inputs), rtol=1e-5, atol=1e-6)
    wanted = expected_gradients(module)
    assert len(gradients) == len(wanted)
    for number, (found, want) in enumerate(zip(gradients, wanted)):
        assert found is not None, "no gradient for input {}, {}".format(number, what)
        np.testing.assert_allclose(found, want, rtol=1e-5, atol=1e-6, err_msg="input {}, {}".format(number, what))


def _weights(value):
    """Return a gradient for an output, no two elements of which are the same, of both signs."""
    return np.linspace(-1.5, 2.0, np.size(value)).reshape(np.shape(value)).astype(np.float32)
