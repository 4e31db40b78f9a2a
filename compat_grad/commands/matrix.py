"""``python -m compat_grad matrix VERSION...``: the face of `compat_grad.matrix`."""

import argparse
import sys

from compat_grad.commands import COMMANDS, PROGRAM
from compat_grad.matrix.choice import UnknownVersion, choose
from compat_grad.matrix.formats import FORMATS


def main(argv):
    """Print the file; return 0, or 2 where a version is unknown."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM + " matrix",
        description=COMMANDS["matrix"].capitalize() + ".",
        epilog="example: {} matrix 1.15 2.4 2.15..2.22 > tox.ini".format(PROGRAM),
    )
    parser.add_argument(
        "versions", nargs="+", metavar="VERSION", help='of TensorFlow: "2.15", "1.15..2.4" (both ends in it), "all"'
    )
    parser.add_argument("--format", choices=list(FORMATS), default="tox", help="what to write (default: %(default)s)")
    options = parser.parse_args(argv)
    try:
        releases = choose(options.versions)
    except UnknownVersion as error:
        print("{} matrix: {}".format(PROGRAM, error), file=sys.stderr)
        return 2
    print(FORMATS[options.format](releases, options.versions), end="")
    return 0
