"""Writes a comparison as one self-contained HTML page: a heat map of cases x environments whose cells open.

The page's looks and behaviour are in page.html; here its data are made: for each case the distinct arrays once, as
text, and for each cell the ways with the numbers of those that they gave.
"""

import collections
import json
import pkgutil

from compat_grad.testing.results import ORDERS, decode


def write(comparison, path):
    """Write the page."""
    template = pkgutil.get_data(__name__, "page.html").decode("utf-8")
    data = json.dumps(page_data(comparison), separators=(",", ":")).replace("</", "<\\/")
    with open(path, "w", encoding="utf-8") as file:
        file.write(template.replace("/*DATA*/null", data))


def page_data(comparison):
    """Return what the page shows, ready for JSON."""
    texts = _Numbered()
    return dict(
        orders=ORDERS,
        totals=comparison.totals,
        problems=comparison.problems,
        stale=comparison.stale,
        missing=comparison.missing,
        environments=[dict(r["about"]) for r in comparison.environments],
        cases=[_case(comparison, case, texts) for case in comparison.cases],
        texts=texts.known,
    )


def _case(comparison, case, texts):
    family, _, title = case.rpartition("/")
    entries = [r["cases"].get(case) for r in comparison.environments]
    arrays = _Numbered()
    cells = [_cell(comparison.cells[case, i], entry, texts, arrays) for i, entry in enumerate(entries)]
    bounds = next((entry["bounds"] for entry in entries if entry), {})
    code = next((r["code"][case] for r in reversed(comparison.environments) if r.get("code", {}).get(case)), "")
    return dict(family=family, title=title, code=code, bounds=bounds, cells=cells, arrays=arrays.known)


def _cell(cell, entry, texts, arrays):
    shown = collections.OrderedDict(
        v=cell.verdict,
        u=str(min(cell.across, 10**9)),
        i=str(min(cell.inside, 10**9)),
        y=[texts.of(w) for w in cell.why],
    )
    if entry is None:
        return shown
    shown["w"] = [
        [
            texts.of(way),
            [
                [
                    ORDERS.index(order),
                    str(min(cell.distances[way][order], 10**9)),
                    [_of(arrays, entry, n) for n in results[order]],
                ]
                for order in ORDERS
                if order in results
            ],
        ]
        for way, results in entry["ways"].items()
    ]
    shown["a"] = [[texts.of(way), texts.of(reason)] for way, reason in entry["absent"].items()]
    shown["n"] = [[texts.of(way), texts.of(reason)] for way, reason in entry["undefined"].items()]
    shown["b"] = [
        [texts.of("{} · {}".format(mode, rival)), texts.of(verdict)]
        for rival, by_mode in entry.get("beside", {}).items()
        for mode, verdict in by_mode.items()
    ]
    shown["f"] = [[texts.of(way), texts.of(reason[:2000])] for way, reason in entry["failed"].items()]
    return shown


def _of(arrays, entry, number):
    return -1 if number < 0 else arrays.of(_array_text(decode(entry["arrays"][number])))


def _array_text(array):
    items = [str(x) for x in array.reshape(-1)]  # NumPy's scalars print the shortest number that is theirs
    more = ", … {} in all".format(len(items)) if len(items) > 24 else ""
    return "{} {}: {}{}".format(
        array.dtype.name, " x ".join(map(str, array.shape)) or "scalar", ", ".join(items[:24]), more
    )


class _Numbered:
    """Texts, each once, known by their numbers."""

    def __init__(self):
        self.known = []
        self._numbers = {}

    def of(self, text):
        if text not in self._numbers:
            self._numbers[text] = len(self.known)
            self.known.append(text)
        return self._numbers[text]
