"""``python -m compat_grad compare``: the face of `compat_grad.testing.compare`."""

import argparse
import collections
import json
import os
import sys

from compat_grad.commands import COMMANDS, PROGRAM

WHO_WRITES_THEM = "tests that take the fixture gradient_mode write them, with pytest --gradient-results DIR"


def main(argv):
    """Print the summary and write the page; return 1 on any difference or failure, 2 where there are no results."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM + " compare",
        description=COMMANDS["compare"].capitalize() + ". "
        "The results are those of `pytest --gradient-results DIR`, of one TensorFlow or of many.",
        epilog="exit codes: 0 all the same, 1 a difference or a failure, 2 nothing to compare",
    )
    parser.add_argument("directories", nargs="+", metavar="DIR", help="where the tests wrote their results")
    parser.add_argument("--html", metavar="FILE", help="where the page goes (default: report.html in the first DIR)")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the summary")
    parser.add_argument("--tox", metavar="TOX.INI", help="whose TensorFlow environments are expected")
    parser.add_argument("--label", help="those of this label of tox.ini, instead of its default list")
    parser.add_argument("--require-all", action="store_true", help="what is expected and did not run is an error")
    options = parser.parse_args(argv)

    from compat_grad.testing import compare, page

    files = collections.OrderedDict((directory, _result_files(directory)) for directory in options.directories)
    if not all(files.values()):
        where = ", ".join(directory for directory, found in files.items() if not found)
        print("{} compare: no results in {}; {}".format(PROGRAM, where, WHO_WRITES_THEM), file=sys.stderr)
        return 2
    target = options.html or os.path.join(options.directories[0], "report.html")
    try:
        expected = compare.expected_environments(options.tox, options.label) if options.tox else ()
        results = _load([path for found in files.values() for path in found])
        comparison = compare.Comparison(results, expected, options.require_all)
        os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
        page.write(comparison, target)
    except (OSError, ValueError) as error:  # a file that is not there, or is none of ours
        print("{} compare: {}".format(PROGRAM, error), file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(compare.as_data(comparison), indent=1))
    else:
        print("\n".join(compare.summary(comparison)))
        print("the page: {}".format(target))
    return 1 if comparison.problems else 0


def _result_files(directory):
    names = sorted(os.listdir(directory)) if os.path.isdir(directory) else ()
    return [os.path.join(directory, name) for name in names if name.endswith(".json")]


def _load(files):
    from compat_grad.testing.results import load

    loaded = [load(path) for path in files]
    for path, found in zip(files, loaded):
        if not (isinstance(found, dict) and {"about", "order", "code", "cases"} <= set(found)):
            raise ValueError("{} holds no results of pytest --gradient-results".format(path))
    return loaded
