"""For tests that start a Python of their own."""

import os
import sysconfig

import compat_grad


def where_compat_grad_is():
    """Return what PYTHONPATH needs: nothing where the package is installed.

    That one is found anyway, and site-packages in front of the standard library would shadow it (enum34).
    """
    parent = os.path.dirname(os.path.dirname(os.path.realpath(compat_grad.__file__)))
    installed = parent in [os.path.realpath(sysconfig.get_paths()[name]) for name in ("purelib", "platlib")]
    return [] if installed else [parent]
