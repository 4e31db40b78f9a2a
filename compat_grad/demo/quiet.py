"""Keeps what TensorFlow's C++ side says while it starts off the screen.

Some of it heeds no log level (2.17 to 2.22: what it logs before its logging is set up). It writes to file descriptor
2 itself, so that is where it must be caught. Python's own stderr goes on as it was; where an exception comes out, what
was kept comes first.
"""

import contextlib
import os
import sys
import tempfile


@contextlib.contextmanager
def native_noise_kept():
    """Keep what is written to file descriptor 2, and show it only if an exception passes."""
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as kept, _python_writes_to(screen):
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except Exception:
            kept.seek(0)
            os.write(screen, kept.read())
            raise
        finally:
            os.dup2(screen, 2)
    os.close(screen)


@contextlib.contextmanager
def _python_writes_to(descriptor):
    """Have sys.stderr write there, if it is what writes to 2 (a test's capture, say, is not)."""
    if sys.stderr is not sys.__stderr__:
        yield
        return
    before = sys.stderr
    with open(descriptor, "w", buffering=1, closefd=False) as sys.stderr:
        try:
            yield
        finally:
            sys.stderr = before
