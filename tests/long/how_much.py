"""How much a long run does: all that its name says, or COMPAT_GRAD_LONG times as much."""

import os


def scaled(count):
    """Return a count, times the factor of the environment variable COMPAT_GRAD_LONG (1 by default)."""
    return max(1, int(count * float(os.environ.get("COMPAT_GRAD_LONG", "1"))))
