"""The command line: ``python -m compat_grad info`` and ``python -m compat_grad demo``.

Imports TensorFlow, and what needs it, only when a command runs: a missing TensorFlow is one line and exit code 2.
"""

import argparse
import sys

from compat_grad import __version__

PROGRAM = "python -m compat_grad"
NO_TENSORFLOW = PROGRAM + ": TensorFlow is not installed. Install the one that you work with: pip install tensorflow"


def main(argv=None):
    """Run a command line (default: the process's own) and return the exit code; argparse ends a senseless one."""
    argv = sys.argv[1:] if argv is None else list(argv)
    try:
        if argv[:1] == ["demo"]:  # has options of its own, --help among them
            return _demo(argv[1:])
        return _parser().parse_args(argv).run()
    except ImportError:
        if _has_tensorflow():
            raise
        print(NO_TENSORFLOW, file=sys.stderr)
        return 2


def _info():
    from compat_grad import info

    print(info.describe())
    return 0


def _demo(argv):
    from compat_grad import demo

    return demo.main(argv)


def _parser():
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description="A gradient of your own for a whole TensorFlow subgraph, in every mode."
    )
    parser.add_argument("--version", action="version", version="compat_grad " + __version__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True  # an argument of add_subparsers from Python 3.7 on
    info = commands.add_parser(
        "info", help="tell the versions, the mode, and which strategies can be had here and why not the others"
    )
    info.set_defaults(run=_info)
    commands.add_parser(
        "demo", help="train an image classifier by the same code in every mode and compare (demo --help tells more)"
    )
    return parser


def _has_tensorflow():
    try:
        import tensorflow  # noqa: F401
    except ImportError as error:
        if error.name == "tensorflow":
            return False
        raise
    return True


if __name__ == "__main__":
    sys.exit(main())
