"""Override maps of legacy code that TensorFlow would ignore, made an error that names the file and the line.

What ignores a map is found by `compat_grad.legacy.watch`; this is its face for tests.
"""

import contextlib


class SilentOverride(AssertionError):
    """A ``gradient_override_map`` was entered where TensorFlow ignores it."""


@contextlib.contextmanager
def forbid_silent_overrides():
    """Have a legacy ``gradient_override_map`` raise where TensorFlow ignores it.

    So it does in eager mode, where a tape is inside the function, and in the bodies of functions and loops. Nothing
    else changes.

    Raises:
      SilentOverride: at the op, naming the map, its file and line, and why it is ignored.
    """
    from compat_grad.legacy.watch import watching

    with watching(_refuse):
        yield


def _refuse(ignored):
    raise SilentOverride(
        "{}. The gradient would be TensorFlow's own, without a word. compat_grad.override_gradient holds in every "
        "mode.".format(ignored)
    )
