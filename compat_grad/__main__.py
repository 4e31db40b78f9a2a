"""The command line: ``python -m compat_grad COMMAND``, or ``compat_grad COMMAND`` where the package is installed.

Finds the command and hands it its arguments. A missing TensorFlow is one line and exit code 2.
"""

import argparse
import importlib
import sys

from compat_grad import __version__, _has_tensorflow
from compat_grad.commands import COMMANDS, PROGRAM

NO_TENSORFLOW = PROGRAM + ": TensorFlow is not installed. Install the one that you work with: pip install tensorflow"


def main(argv=None):
    """Run a command line (default: the process's own) and return the exit code; argparse ends a senseless one."""
    argv = sys.argv[1:] if argv is None else list(argv)
    command = _parser().parse_args(argv[:1]).command
    try:
        return importlib.import_module("compat_grad.commands." + command).main(argv[1:])
    except ImportError:
        if _has_tensorflow():
            raise
        print(NO_TENSORFLOW, file=sys.stderr)
        return 2


def _parser():
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="A gradient of your own for a whole TensorFlow subgraph, in every mode.",
        epilog="commands:\n{}\n\n{} COMMAND --help tells more of one.".format(
            "\n".join("  {:<8} {}".format(*item) for item in COMMANDS.items()), PROGRAM
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version="compat_grad " + __version__)
    parser.add_argument("command", choices=list(COMMANDS), metavar="COMMAND", help="one of those below")
    return parser


if __name__ == "__main__":
    sys.exit(main())
