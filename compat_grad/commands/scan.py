"""``python -m compat_grad scan PATH...``: the face of `compat_grad.migrate.scan`."""

import argparse
import sys

from compat_grad import __version__
from compat_grad.commands import PROGRAM, reading


def main(argv):
    """Scan and print the report; return 0 (nothing found), 1 (something was, or was not looked into), 2 (could not)."""
    options = _parse(argv)
    if not reading.has_libcst("scan"):
        return 2
    from compat_grad.migrate import reports
    from compat_grad.migrate.scan import scan

    try:
        report = scan(options.paths, progress=reading.progress("scanning"))
    except FileNotFoundError as error:
        print("{} scan: {}".format(PROGRAM, error), file=sys.stderr)
        return 2
    if options.json:
        print(reports.as_json(report))
    elif options.sarif:
        print(reports.as_sarif(report, __version__))
    else:
        reading.show(reports.as_lines(report))
    return 1 if report.findings or report.unread else 0


def _parse(argv):
    parser = argparse.ArgumentParser(
        prog=PROGRAM + " scan",
        description="Find the code that overrides gradients the TensorFlow 1 way, say where it stops working and how, "
        "and what replaces it. Python files and notebooks; nothing is imported or run.",
        epilog="exit codes: 0 nothing found, 1 something found or not looked into, 2 could not run",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files and folders")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--sarif", action="store_true", help="print SARIF 2.1.0, which code hosts and editors read")
    return parser.parse_args(argv)
