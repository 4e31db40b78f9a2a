"""Which thread is at hand and which work for it; locks for forked processes, and what several threads may add to.

TensorFlow starts threads, one for each replica of `strategy.run`. It hands its op callbacks on to them (2.1 and later),
in one list with the thread that it started them from, and with each other: an op callback may be called in a sibling as
well. Knows nothing of ops.
"""

import os
import threading
import weakref


class _OfThread(threading.local):
    def __init__(self):
        self.itself = object()


_of_thread = _OfThread()


def this_thread():
    """Return what stands for the thread at hand, and for no other one ever.

    A number of threading's may come again for another thread: in a forked process those of all but one are free.
    """
    return _of_thread.itself


class Lock:
    """A lock for a with-statement, reentrant; a forked process finds it free, but for what the forking thread holds.

    Of other threads a forked process has nothing, not even their hand on a lock: it would wait for ever. What they were
    about to change under it has to be right at each moment. Python tells of forks from 3.7 on, before that of those of
    multiprocessing.
    """

    __slots__ = ("__weakref__", "_lock")

    def __init__(self):
        self._lock = threading.RLock()
        _locks.add(self)

    def __enter__(self):
        self._lock.acquire()

    def __exit__(self, *error):
        self._lock.release()

    def free_from_others(self):
        """Forget that another thread holds it."""
        if not self._lock._is_owned():
            self._lock = threading.RLock()


class Alive:
    """Those alive of the things that it was given, in that order; other threads may give it more while one looks.

    A WeakSet may not grow while one looks through it, not even for ``list(weak_set)``.
    """

    def __init__(self):
        self._things = weakref.WeakValueDictionary()

    def add(self, thing):
        """Have it among them, for as long as it lives."""
        self._things[id(thing)] = thing

    def __iter__(self):
        things = [reference() for reference in self._things.valuerefs()]  # a list that is made at once
        return iter([thing for thing in things if thing is not None])


_locks = Alive()


def _free_locks():
    for lock in _locks:
        lock.free_from_others()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_locks)
else:
    import multiprocessing.util

    multiprocessing.util.register_after_fork(_free_locks, lambda free_locks: free_locks())


class ThisThread:
    """The thread in which it is made."""

    __slots__ = ("_itself", "_strangers")

    def __init__(self):
        self._itself = this_thread()
        self._strangers = weakref.WeakSet(threading.enumerate())

    def is_current(self):
        """Whether it is the thread at hand."""
        return this_thread() is self._itself

    def has_started_current(self):
        """Whether the thread at hand, which calls an op callback of this one, was started by it, to work for it.

        It came later, then; siblings were all started before any of them ran.
        """
        return not self.is_current() and threading.current_thread() not in self._strangers
