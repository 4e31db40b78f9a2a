"""Bytes that the process holds, as Linux with the GNU C library tells them. Knows no TensorFlow."""

import ctypes
import gc
import resource
import sys

KNOWN = sys.platform.startswith("linux")


def resident():
    """Return the resident bytes of this process, without what has been freed."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/statm") as status:
        return int(status.read().split()[1]) * resource.getpagesize()


def _peak():
    with open("/proc/self/status") as status:
        (line,) = [line for line in status if line.startswith("VmHWM:")]
    return 1024 * int(line.split()[1])


def peak(program):
    """Return the bytes that the process holds at most while program runs, beyond those that it held before.

    Raises:
      OSError: this Linux does not let the highest value be forgotten.
    """
    before = resident()
    with open("/proc/self/clear_refs", "w") as command:
        command.write("5")  # forgets the highest value so far
    program()
    return _peak() - before


def _peak_is_known():
    try:
        peak(int)
    except (OSError, ValueError):
        return False
    return True


#: Whether `peak` can be asked for.
PEAK_KNOWN = KNOWN and _peak_is_known()
