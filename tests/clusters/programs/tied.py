"""Becomes the program that its arguments name, which (on Linux) is killed when who started it ends, in whatever way."""

import ctypes
import os
import signal
import sys

if sys.platform.startswith("linux"):
    PR_SET_PDEATHSIG = 1  # from <sys/prctl.h>; outlives exec
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
