"""Which threads work for the one at hand: TensorFlow starts some, one for each replica of `strategy.run`.

It hands its op callbacks on to them (2.1 and later), in one list with the thread that it started them from, and with
each other: an op callback may be called in a sibling as well. Knows nothing of ops.
"""

import threading
import weakref


class ThisThread:
    """The thread in which it is made."""

    __slots__ = ("_ident", "_strangers")

    def __init__(self):
        self._ident = threading.get_ident()
        self._strangers = weakref.WeakSet(threading.enumerate())

    def is_current(self):
        """Whether it is the thread at hand."""
        return threading.get_ident() == self._ident

    def has_started_current(self):
        """Whether the thread at hand, which calls an op callback of this one, was started by it, to work for it.

        It came later, then; siblings were all started before any of them ran.
        """
        return not self.is_current() and threading.current_thread() not in self._strangers
