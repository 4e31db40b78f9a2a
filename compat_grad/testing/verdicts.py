"""What `verify` found, as a table to read (by rich, where that is installed) or as data.

Knows nothing of how the verdicts came about.
"""

import collections
import platform
import shutil
import sys

import numpy as np

from compat_grad._tf import tf
from compat_grad.testing.composites import as_input, is_composite
from compat_grad.testing.process import behaviour
from compat_grad.testing.verify import AGREES, DIFFERS, NOT_HERE

_TITLES = ("mode", "strategy", "against", "verdict")
_STYLES = {AGREES: "green", DIFFERS: "bold red", NOT_HERE: "dim"}


def as_json(target, inputs, checks):
    """Return a dict of numbers and texts."""
    return {
        "target": target,
        "verdict": DIFFERS if any(check.verdict == DIFFERS for check in checks) else AGREES,
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "behaviour": behaviour(),
        "inputs": [_described(given) for given in inputs],
        "checks": [dict(check._asdict()) for check in checks],
    }


def _described(given):
    values = "values " if is_composite(given.array) else ""
    array = as_input(given.array).values if values else given.array
    return "{}{}{}".format(values, array.dtype, given.shape or list(array.shape))


def as_table(target, checks):
    """Print the table, what is wrong in full, and one line that sums it up."""
    rows = [(check.mode, check.strategy, check.against, _short(check)) for check in checks]
    _print_rows(rows, [_STYLES[check.verdict] for check in checks])
    for kind, alike in _differing(checks).items():
        print("\n{} in {}, against {}: {}".format(kind[0], alike[0].mode, kind[1], alike[0].words))
        if len(alike) > 1:
            print("\nLikewise in {}.".format(", ".join(check.mode for check in alike[1:])))
    print("\n" + in_one_line(target, checks))


def _differing(checks):
    """Return {(strategy, against): the checks that differ}."""
    differing = collections.OrderedDict()
    for check in checks:
        if check.verdict == DIFFERS:
            differing.setdefault((check.strategy, check.against), []).append(check)
    return differing


def in_one_line(target, checks):
    """Return the sum of all verdicts."""
    count = {verdict: sum(check.verdict == verdict for check in checks) for verdict in _STYLES}
    here = "TensorFlow {}".format(tf.__version__)
    if count[DIFFERS]:
        return "{} DIFFERS in {} of {} checks on {}.".format(
            target, count[DIFFERS], count[DIFFERS] + count[AGREES], here
        )
    absent = " ({} more: not in this TensorFlow or process)".format(count[NOT_HERE]) if count[NOT_HERE] else ""
    return "{} is the same in {} checks on {}{}.".format(target, count[AGREES], here, absent)


def _short(check):
    if check.verdict == NOT_HERE:
        return "{}: {}".format(NOT_HERE, " ".join(check.words.split()))
    return check.verdict


def _print_rows(rows, styles):
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        _print_plainly(rows)
        return
    table = Table(*_TITLES)
    for row, style in zip(rows, styles):
        table.add_row(*row[:-1], "[{}]{}[/]".format(style, row[-1].replace("[", "\\[")))
    Console(file=sys.stdout).print(table)


def _print_plainly(rows):
    widths = [max(len(row[i]) for row in [_TITLES, *rows]) for i in range(len(_TITLES) - 1)]
    line = "  ".join("{{:<{}}}".format(width) for width in widths) + "  {}"
    room = shutil.get_terminal_size((120, 24)).columns - sum(widths) - 2 * len(widths)
    for row in [_TITLES, *rows]:
        verdict = row[-1] if len(row[-1]) <= max(room, 20) else row[-1][: max(room, 20) - 3] + "..."
        print(line.format(*row[:-1], verdict).rstrip())
