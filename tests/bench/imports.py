"""What `import compat_grad` costs beyond `import tensorflow`, in fresh interpreters.

Imported before anything else of the benchmark that needs TensorFlow: this process, too, is a fresh interpreter.
"""

import os
import subprocess
import sys

from tests.bench.figures import OURS, Figure

IMPORT = "import beyond tensorflow"
TIMED = """
import time
import tensorflow
start = time.perf_counter()
import compat_grad
compat_grad.override_gradient  # the package loads itself when it is first asked for something
took = time.perf_counter() - start
"""


def here():
    """Return the seconds that the import takes in this process, which has not imported it yet."""
    assert "compat_grad" not in sys.modules
    names = {}
    exec(TIMED, names)
    return names["took"]


def figures(first, effort):
    """Yield the figure: the first sample, and those of further interpreters."""
    # Bytecode is written, as installing writes it: the first import, which may have compiled, does not count then.
    command, environment = [sys.executable, "-c", TIMED + "print(took)"], dict(os.environ, PYTHONDONTWRITEBYTECODE="")
    samples = []
    for _ in range(effort.interpreters):
        told = subprocess.check_output(command, env=environment, universal_newlines=True)
        samples.append(float(told.split()[-1]))
    yield Figure(IMPORT, "compat_grad", "s", {OURS: samples[1:] or [first]})
