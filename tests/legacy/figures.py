"""How many gradients of the legacy programs come out right: ``python -m tests.legacy.figures``, in each environment.

Prints a row of the table in docs/migration.md for each mode: of the programs as they are, and in honor_override_maps.
"""

import collections
import sys

import numpy as np
import tensorflow as tf

from compat_grad import honor_override_maps
from tests import modes
from tests.legacy import running

OUTCOMES = ("right", "silently wrong", "raises")


def outcomes(name, mode, honor):
    """Return how each gradient of a program comes out in a mode, and what was raised, if anything was."""
    with running.registry_put_back():
        try:
            module = running.load(name)
            wanted = running.expected_gradients(module)
        except Exception as error:
            return ["raises"], error
        try:
            _, found = running.run(module, mode, honor)
        except Exception as error:
            return ["raises"] * len(wanted), error
        finally:
            running.unload(name)
    return ["right" if _same(*pair) else "silently wrong" for pair in zip(found, wanted)], None


def _same(found, wanted):
    return found is not None and np.allclose(found, wanted, rtol=1e-5, atol=1e-6)


def main(details):
    print("TensorFlow {}: gradients of {} programs".format(tf.__version__, len(running.NAMES)))
    for mode in modes.MODES:
        for way, honor in (("as they are", None), ("honor_override_maps", honor_override_maps)):
            counted = collections.Counter()
            for name in running.NAMES:
                with mode.scope():
                    found, error = outcomes(name, mode, honor)
                counted.update(found)
                if details and set(found) != {"right"} and honor is not None:
                    print("    {}: {} {}".format(name, found, "" if error is None else repr(error)[:300]))
            row = ", ".join("{} {}".format(counted[outcome], outcome) for outcome in OUTCOMES)
            print("{:<32} {:<20} {} of {}: {}".format(mode.name, way, counted["right"], sum(counted.values()), row))


if __name__ == "__main__":
    main("--details" in sys.argv)
