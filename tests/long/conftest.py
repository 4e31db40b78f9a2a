"""These tests take hours, and run only where they are asked for by name: `pytest tests/long`."""

import pathlib
import sys

_asked_for = any("tests/long" in pathlib.PurePath(argument).as_posix() for argument in sys.argv[1:])
collect_ignore_glob = [] if _asked_for else ["test_*.py"]
