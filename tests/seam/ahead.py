"""``python -m tests.seam.ahead``: what a TensorFlow to come has lost of the names that the seam looks up, or warns of.

Runs the programs of test_missing with all names in place and prints each warning, Python's or TensorFlow's own (which
it logs), that names one of ours or comes from a line of ours.
"""

import contextlib
import logging
import os
import re
import warnings

from tests import behaviour  # noqa: F401  chooses how TensorFlow runs, before anything uses it


class _Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


@contextlib.contextmanager
def warned():
    """Yield a list that holds, in the end, each warning of the block and of TensorFlow's log, once, in order."""
    found, log = [], _Kept()
    logger = logging.getLogger("tensorflow")
    logger.addHandler(log)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield found
    finally:
        logger.removeHandler(log)
    told = ["{}:{}: {}".format(one.filename, one.lineno, one.message) for one in caught]
    found.extend(dict.fromkeys(told + log.lines))


def about_ours(lines, names):
    """Return the lines that name one of names, as a word, or a file of compat_grad."""
    package = os.sep + "compat_grad" + os.sep
    return [line for line in lines if package in line or set(re.findall(r"\w+", line)).intersection(names)]


def main():
    """Print what is missing and what is warned of; return 1 if a gradient is wrong."""
    with warned() as lines:
        from compat_grad import _tf, override_gradient
        from tests.seam import test_missing

        wrong = [
            (mode.name, program.__name__, found)
            for mode, program in test_missing.programs()
            for found in [test_missing.what_is_wrong(override_gradient, mode, program, [])]
            if found is not None
        ]
    print("missing, and what it costs:")
    print("\n".join("  {}: {}".format(*row) for row in sorted(_tf.missing().items())) or "  none")
    print("warnings about names of ours:")
    print("\n".join("  " + line for line in about_ours(lines, _tf.looked_up)) or "  none")
    for row in wrong:
        print("wrong: {}, {}: {}".format(*row))
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
