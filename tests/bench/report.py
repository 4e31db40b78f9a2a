"""The figures as text and as JSON: all of one TensorFlow, and the targets of several side by side."""

import json
import os

from tests.bench.figures import LIMIT, OURS, THEIRS
from tests.bench.targets import judged

UNITS = {"s": (1e6, "us"), "bytes": (2.0**-20, "MB")}
NOISE = 1.05  # what two runs of the same thing may differ by, on a machine that does other things as well
KEYS = {"overhead": "overhead", "to_rival": "to rival", "to_limit": "to limit", "ours": "ours"}
RATIOS = ("overhead", "to_rival", "to_limit")


def line(figure):
    """Return a figure as a line of text."""
    factor, unit = UNITS.get(figure["unit"], (1.0, figure["unit"]))
    numbers = ["{} {:,.1f}".format(name, factor * median) for name, median in figure["median"].items()]
    ratios = ["{} {:.2f}".format(KEYS[key], figure[key]) for key in RATIOS if figure[key] is not None]
    name = "{} ({})".format(figure["what"], figure["problem"])
    return "{:72} {}".format(name, "; ".join(ratios + ["{} [{}]".format(", ".join(numbers), unit)]))


def write(directory, environment, figures):
    """Write the figures of one TensorFlow to directory; return the path."""
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, "tensorflow-{tensorflow}.json".format(**environment))
    with open(path, "w") as file:
        json.dump(dict(environment, figures=figures), file, indent=1)
    return path


def read(directory):
    """Return what was written of each TensorFlow, oldest first."""
    measured = []
    for name in os.listdir(directory):
        if name.startswith("tensorflow-") and name.endswith(".json"):
            with open(os.path.join(directory, name)) as file:
                measured.append(json.load(file))
    return sorted(measured, key=lambda each: _minor(each["tensorflow"]))


def _minor(version):
    return [int(part) for part in version.split(".")[:2]]


def table(measured):
    """Return the targets of several TensorFlows as lines of text; what misses its target is marked."""
    rows = {}
    for each in measured:
        for target, figure, number in judged(each["figures"]):
            name = "{} ({})".format(figure["what"], figure["problem"])
            mark = "!" if number > NOISE * target.most else "~" if number > target.most else " "
            rows.setdefault((name, KEYS[target.key], target.most), {})[each["tensorflow"]] = _short(number) + mark
    versions = [each["tensorflow"] for each in measured]
    head = "{:80} {:>8} {:>6} ".format("", "", "target") + "".join("{:>10} ".format(version) for version in versions)
    lines = [head]
    for (name, key, most), cells in rows.items():
        numbers = "".join("{:>11}".format(cells.get(version, "- ")) for version in versions)
        lines.append("{:80} {:>8} {:>6} {}".format(name, key, _short(most), numbers))
    lines += took(measured)
    missed = sum(cell.endswith("!") for cells in rows.values() for cell in cells.values())
    total = sum(len(cells) for cells in rows.values())
    return lines + [
        "",
        "! = missed: {} of {}.  ~ = over by less than noise.  - = cannot be had there.".format(missed, total),
    ]


def took(measured):
    """Return, for the overheads of several TensorFlows, what they are the ratios of, as lines of text."""
    rows = {}
    for each in measured:
        for target, figure, _ in judged(each["figures"]):
            if target.key == "overhead":
                name = "{} ({})".format(figure["what"], figure["problem"])
                least = [1e6 * figure["minimum"][who] for who in (LIMIT, OURS, THEIRS)]
                rows.setdefault(name, {})[each["tensorflow"]] = "/".join("{:.4g}".format(one) for one in least)
    versions = [each["tensorflow"] for each in measured]
    head = "{:80} ".format("least microseconds: {} / ours / theirs".format(LIMIT))
    lines = ["", head + "".join("{:>20} ".format(version) for version in versions)] if rows else []
    for name, cells in rows.items():
        lines.append(
            "{:80} {}".format(name, "".join("{:>20} ".format(cells.get(version, "-")) for version in versions))
        )
    return lines


def _short(number):
    return "{:.3g}".format(number)
