"""The demo: one image classifier, trained by the same code in every mode of the running TensorFlow.

`python -m compat_grad demo` comes here. Read on in `program.py` (what happens, in order) and `layer.py` (the override).
This file must not import TensorFlow: --help should answer at once, and the environment has to be set before.
"""

import os
import sys

from compat_grad.demo.errors import DemoError
from compat_grad.demo.options import parse_options
from compat_grad.demo.quiet import native_noise_kept

# What is set already stays. `python -m compat_grad` imports the package, and TensorFlow with it, before it comes
# here: then this reaches only what TensorFlow reads late, which is nothing that a result depends on.
ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # Both change the last bits of a convolution, from machine to machine or even from run to run.
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "-1",
}


def main(argv=None):
    """Run the demo with these command line arguments (default: the process's own) and return the exit code.

    0: all is well. 1: the modes' gradients differ. 2: it could not run; one line on stderr says why. 130: interrupted.
    """
    options = parse_options(argv)
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        with native_noise_kept():
            from compat_grad.demo.program import run

        return run(options)
    except DemoError as error:
        print("python -m compat_grad demo: {}".format(error), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\npython -m compat_grad demo: interrupted", file=sys.stderr)
        return 130  # as a shell says it of a program that Ctrl-C ended
