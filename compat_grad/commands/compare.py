"""``python -m compat_grad compare``: the face of `compat_grad.testing.compare`."""

import argparse
import os

from compat_grad.commands import COMMANDS, PROGRAM


def main(argv):
    """Print the summary and write the page; return 1 on any difference, failure or missing result."""
    parser = argparse.ArgumentParser(prog=PROGRAM + " compare", description=COMMANDS["compare"].capitalize() + ".")
    parser.add_argument("directory", help="where the environments wrote their results")
    parser.add_argument("--page", help="where to write the page; DIRECTORY/report.html by default")
    parser.add_argument("--tox", help="tox.ini, whose TensorFlow environments must all be there")
    parser.add_argument("--label", help="those of this label of tox.ini, instead of its default list")
    options = parser.parse_args(argv)

    from compat_grad.testing import compare, page
    from compat_grad.testing.results import load

    os.makedirs(options.directory, exist_ok=True)
    files = sorted(f for f in os.listdir(options.directory) if f.endswith(".json"))
    comparison = compare.Comparison(
        [load(os.path.join(options.directory, file)) for file in files],
        compare.expected_environments(options.tox, options.label) if options.tox else (),
    )
    target = options.page or os.path.join(options.directory, "report.html")
    page.write(comparison, target)
    print("\n".join(compare.summary(comparison)))
    print("the page: {}".format(target))
    return 1 if comparison.problems or not comparison.environments else 0
