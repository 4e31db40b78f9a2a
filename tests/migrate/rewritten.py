"""Rewrites the legacy programs, for the tests; run as a module, writes them to tests/legacy/rewritten and wrapped."""

import functools
import os
import shutil

from compat_grad.migrate import apply

LEGACY = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "legacy")
PROGRAMS = os.path.join(LEGACY, "programs")
REWRITTEN = os.path.join(LEGACY, "rewritten")
WRAPPED = os.path.join(LEGACY, "wrapped")


def names(folder):
    """Return the names of the program files in a folder."""
    return sorted(name for name in os.listdir(folder) if name.endswith(".py") and name != "__init__.py")


@functools.lru_cache(maxsize=None)
def rewritten(wrap=False):
    """Return the `Migration` of the programs; with wrap, of those that are not rewritten without."""
    if not wrap:
        return apply.migrate([PROGRAMS])
    done = {os.path.basename(path) for path in rewritten().files}
    return apply.migrate([os.path.join(PROGRAMS, name) for name in names(PROGRAMS) if name not in done], wrap)


def main():
    for folder, wrap in ((REWRITTEN, False), (WRAPPED, True)):
        for name in names(folder):
            os.unlink(os.path.join(folder, name))
        for path, (_, new) in rewritten(wrap).files.items():
            apply.write(shutil.copy(path, folder), new)


if __name__ == "__main__":
    main()
