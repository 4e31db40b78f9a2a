"""The Python processes that a program starts, in which nobody looks after its maps: counted while it runs.

Knows nothing of maps.
"""

import contextlib
import multiprocessing.process
import os
import subprocess
import sys


class Children:
    """How many Python processes were started."""

    def __init__(self):
        self.number = 0

    @contextlib.contextmanager
    def counted(self):
        """Return the context in which each process of multiprocessing, or of a Python interpreter, is counted."""
        process, popen = multiprocessing.process.BaseProcess, subprocess.Popen
        start, init = process.start, popen.__init__

        def start_and_count(one):
            start(one)
            self.number += 1

        def init_and_count(one, args, *others, **options):
            init(one, args, *others, **options)
            self.number += _is_python(args)

        process.start, popen.__init__ = start_and_count, init_and_count
        try:
            yield
        finally:
            process.start, popen.__init__ = start, init

    def line(self):
        """Return what a report has to say of them, or None."""
        if not self.number:
            return None
        return "Not looked into: {} Python process{} that it started. Run what they run by this command, too.".format(
            self.number, "" if self.number == 1 else "es"
        )


def _is_python(args):
    program = args if isinstance(args, (str, bytes, os.PathLike)) else next(iter(args), "")
    program = os.fsdecode(program).partition(" ")[0]  # a command line of a shell, perhaps
    return program == sys.executable or os.path.basename(program).startswith("python")
