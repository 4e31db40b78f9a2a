"""Compares what the environments found, each with itself and with each other.

Every way of a case (mode and strategy, transformation) against the others of its environment, every environment
against the others, within the bounds that the case states. Knows result files only; TensorFlow need not be there.
"""

import collections
import re

from compat_grad.testing.check import distance
from compat_grad.testing.mismatch import worst_of
from compat_grad.testing.results import decode
from compat_grad.testing.ulp import in_words

#: What one environment has for one case. verdict: "same", "different", "failed", "absent", "missing"; across: the worst
#: distance to the other environments; inside: from way to way; distances: {way: {order: ulps}}; why: a list of texts.
Cell = collections.namedtuple("Cell", "verdict across inside distances why")


class Comparison:
    """The results of all environments, compared.

    Attributes:
      environments: [{"about": .., "cases": ..}] in the order of TensorFlow's versions.
      cases: the names of all cases, in the catalogue's order.
      cells: {(case, number of the environment): Cell}.
      totals: what the summary says.
      problems: a text for each difference, failure and missing result.
      stale, missing: names of environments whose results are of other sources than the newest, or not there. They did
        not run, which is a problem only where all are required.
    """

    def __init__(self, results, expected=(), require_all=False):
        sources = max(results, key=_written)["about"]["sources"] if results else None
        self.stale = sorted(name(r) for r in results if r["about"]["sources"] != sources)
        fresh = [r for r in results if name(r) not in self.stale]
        self.environments = sorted(fresh, key=_version)
        known = {r["about"]["environment"] for r in self.environments}
        self.missing = [environment for environment in expected if environment not in known]
        self.cases = list(collections.OrderedDict.fromkeys(case for r in self.environments for case in r["order"]))
        self.totals = collections.OrderedDict.fromkeys(
            ("compared", "absent", "undefined", "modes", "second", "XLA", "vectorized_map", "exact", "rounded"), 0
        )
        self.problems = ["{}: did not run".format(name) for name in self.missing if require_all]
        self.cells = {}
        for case in self.cases:
            self._compare(case)

    def _compare(self, case):
        entries = [r["cases"].get(case) for r in self.environments]
        chosen = [None if entry is None else _chosen(entry) for entry in entries]
        references = _commonest(chosen)
        for number, (entry, mine) in enumerate(zip(entries, chosen)):
            cell = self.cells[case, number] = self._cell(entry, mine, references)
            if cell.verdict in ("different", "failed", "missing"):
                where = "{} · {}".format(case, name(self.environments[number]))
                self.problems += ["{}: {}".format(where, why) for why in cell.why]
        if not any(mine for mine in chosen) and not self.missing:  # one of those that did not run may
            self.problems.append("{}: no environment could run it".format(case))

    def _cell(self, entry, chosen, references):
        if entry is None:
            return Cell("missing", 0, 0, {}, ["no result"])
        why = [" ".join("{}: {}".format(*item).split())[:300] for item in sorted(entry["failed"].items())]
        self.totals["absent"] += len(entry["absent"])
        self.totals["undefined"] += len(entry["undefined"])
        if not entry["ways"] and not why:
            return Cell("absent", 0, 0, {}, sorted(set(entry["absent"].values())))
        verdict, inside, distances = "failed" if why else "same", 0, {}
        for way, results in sorted(entry["ways"].items()):
            distances[way] = {}
            for order, numbers in results.items():
                arrays = _arrays(entry, numbers)
                apart = distances[way][order] = distance(arrays, chosen[order])
                inside = max(inside, apart)
                kind = _transformation(way)
                self.totals["compared"] += 1
                column = "second" if (kind, order) == ("modes", "second") else kind
                self.totals[column] = max(self.totals[column], apart)
                if apart > _bound_inside(entry["bounds"], kind, order):
                    off = _off_by(order, apart, arrays, chosen[order])
                    why.append("{}: {} from those of the other ways".format(way, off))
        across = 0
        for order in chosen:
            apart = distance(chosen[order], references[order])
            across = max(across, apart)
            if apart > entry["bounds"]["across"]:
                off = _off_by(order, apart, chosen[order], references[order])
                why.append("{} from those of the other environments".format(off))
        kind = "rounded" if entry["bounds"]["across"] else "exact"
        self.totals[kind] = max(self.totals[kind], across)
        if why and verdict == "same":
            verdict = "different"
        return Cell(verdict, across, inside, distances, why)


def _off_by(order, apart, arrays, others):
    """Return "the first derivative (number 0, element [1]: 2.0, not -2.0) is worlds away"."""
    what = order + " derivative" if order in ("first", "second") else order
    return "the {} ({}) is {} away".format(what, worst_of(arrays, others), in_words(apart))


def _arrays(entry, numbers):
    return [None if number < 0 else decode(entry["arrays"][number]) for number in numbers]


def _chosen(entry):
    """Return {order: arrays}: of the results of an environment's modes, or else of all its ways, the commonest."""
    votes = collections.defaultdict(collections.Counter)
    for plain in (True, False):
        for way in sorted(entry["ways"]):
            if (_transformation(way) == "modes") is plain:
                for order, numbers in entry["ways"][way].items():
                    if plain or order not in votes or order in ("jacobian", "tangent"):
                        votes[order][tuple(numbers)] += 1
    return {order: _arrays(entry, counter.most_common(1)[0][0]) for order, counter in votes.items()}


def _commonest(chosen):
    """Return {order: arrays}, the commonest of several environments; the newest's where none is commoner."""
    votes = collections.defaultdict(collections.OrderedDict)
    for mine in reversed(chosen):
        for order, arrays in (mine or {}).items():
            key = tuple(_key(array) for array in arrays)
            votes[order].setdefault(key, []).append(arrays)
    return {order: max(groups.values(), key=len)[0] for order, groups in votes.items()}


def _key(array):
    """Return what is equal for arrays at no distance: no gradient is zero, and a zero has no sign."""
    if array is None or (array.dtype != object and not array.any()):
        return None
    return array.dtype.name, repr(array.tolist()) if array.dtype == object else (array + 0).tobytes()


def _transformation(way):
    return next((kind for kind in ("XLA", "vectorized_map") if way.startswith(kind)), "modes")


def _bound_inside(bounds, kind, order):
    return max(bounds["second"] if order == "second" else bounds["modes"], bounds.get(kind, 0))


def name(result):
    """Return what an environment is called: tox's name for it, and the behaviour unless that is the default."""
    about = result["about"]
    return about["environment"] + ("" if about["behaviour"] == "default" else " " + about["behaviour"])


def _written(result):
    return result["about"]["written"]


def _version(result):
    numbers = re.findall(r"\d+", result["about"]["tensorflow"])
    return [int(number) for number in numbers[:3]], result["about"]["behaviour"] != "default"


def expected_environments(tox_ini, label=None):
    """Return the TensorFlow environments of tox.ini's default list, or of one of its labels.

    Raises:
      OSError, ValueError: there is no such file, no list, no such label.
    """
    with open(tox_ini) as file:
        text = file.read() + "\n"
    if label:
        found = re.search(r"^ +{} *= *(.*)$".format(re.escape(label)), text, re.M)
    else:
        found = re.search(r"^env_?list *= *(.*\n(?:[ \t]+.*\n)*)", text, re.M)
    if found is None:
        raise ValueError("{} has no {}".format(tox_ini, "label {!r}".format(label) if label else "env_list"))
    names = [n for part in re.findall(r"[^\s,{]+(?:\{[^}]*\}[^\s,{]*)?", found.group(1)) for n in _expand(part)]
    return [n for n in names if "-tf" in n]


def _expand(part):
    before, brace, rest = part.partition("{")
    if not brace:
        return [part]
    inside, _, after = rest.partition("}")
    return [before + choice.strip() + after for choice in inside.split(",")]


def as_data(comparison):
    """Return what was found, ready for JSON."""
    return dict(
        environments=[dict(r["about"]) for r in comparison.environments],
        not_run=comparison.missing,
        of_other_sources=comparison.stale,
        problems=comparison.problems,
        totals=comparison.totals,
        cases=[
            dict(
                case=case,
                environments=[
                    dict(
                        environment=name(r),
                        verdict=comparison.cells[case, i].verdict,
                        ulps_across=comparison.cells[case, i].across,
                        ulps_inside=comparison.cells[case, i].inside,
                        why=comparison.cells[case, i].why,
                    )
                    for i, r in enumerate(comparison.environments)
                ],
            )
            for case in comparison.cases
        ],
    )


def _beside(comparison):
    """Return (rival, in how many modes it is right, of how many) over all cases and environments."""
    counts = collections.OrderedDict()
    for result in comparison.environments:
        for entry in result["cases"].values():
            for rival, by_mode in entry.get("beside", {}).items():
                counts.setdefault(rival, collections.Counter()).update(v == "right" for v in by_mode.values())
    return [(rival, counter[True], sum(counter.values())) for rival, counter in sorted(counts.items())]


def _count(things, name):
    return "{} {}{}".format(len(things), name, "" if len(things) == 1 else "s")


def summary(comparison):
    """Return the lines to print."""
    totals = comparison.totals
    lines = [
        "{}, {}, {:,} results compared".format(
            _count(comparison.environments, "environment"), _count(comparison.cases, "case"), totals["compared"]
        ),
        "not in a TensorFlow: {:,}; not defined for a case: {:,}".format(totals["absent"], totals["undefined"]),
        "worst inside an environment: modes and strategies {}, their second derivatives {}, XLA {}, "
        "vectorized_map {}".format(
            in_words(totals["modes"]),
            in_words(totals["second"]),
            in_words(totals["XLA"]),
            in_words(totals["vectorized_map"]),
        ),
        "worst across environments: arithmetic {}, transcendental {}".format(
            in_words(totals["exact"]), in_words(totals["rounded"])
        ),
    ]
    lines += ["beside: {} is right in {:,} of {:,} modes".format(*row) for row in _beside(comparison)]
    if comparison.missing:
        count = _count(comparison.missing, "environment")
        lines.append("{} not run: {}".format(count, ", ".join(comparison.missing)))
    if comparison.stale:
        lines.append("left out, of other sources: {}".format(", ".join(comparison.stale)))
    lines += ["DIFFERENT  {}".format(problem) for problem in comparison.problems[:50]]
    if len(comparison.problems) > 50:
        lines.append("... and {} more".format(len(comparison.problems) - 50))
    return lines
