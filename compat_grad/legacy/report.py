"""What became of the override maps that a program entered, by file and line: collected while it runs, told at its end.

Knows nothing of how that is found out, nor of programs.
"""

import collections

from compat_grad import _tf


class Report:
    """What `watching` tells, summed up."""

    def __init__(self):
        self._entered = collections.OrderedDict()  # what a map says and where -> the types that there were ops of
        self._ignored = collections.Counter()  # (that, op type, mode) -> how often
        self._taped = collections.Counter()
        self._lock = _tf.Lock()

    def left(self, entered):
        """Note an `EnteredMap` that is left."""
        with self._lock:
            self._entered.setdefault(_of(entered), set()).update(entered.used)

    def ignored(self, ignored):
        """Note an `Ignored`."""
        key = _of(ignored.map), ignored.op_type, ignored.mode
        with self._lock:
            self._entered.setdefault(key[0], set())
            self._ignored[key] += 1
            self._taped[key] += ignored.taped

    def failed(self):
        """Whether a map was ignored."""
        return bool(self._ignored)

    def lines(self):
        """Return the report as lines of text."""
        ignored = {key[0] for key in self._ignored}
        lines = [_summary(len(self._entered), len(ignored))]
        for of_map, used in self._entered.items():
            rows = [self._row(key, count) for key, count in self._ignored.items() if key[0] == of_map]
            rows += ["{}: there was no op of this type".format(op_type) for op_type in _types(of_map) - used]
            if rows:
                lines += ["{}: gradient_override_map({})".format(*of_map)] + ["    " + row for row in sorted(rows)]
        if ignored:
            lines.append("To make them hold: run --honor, or compat_grad.honor_override_maps around what enters them.")
        return lines

    def _row(self, key, count):
        _, op_type, mode = key
        taped = self._taped[key]
        told = "" if taped == count else ", {} while a tape listened".format(taped or "none")
        return "{}: ignored {} time{} {}{}".format(op_type, count, "" if count == 1 else "s", mode, told)


def _of(entered):
    return entered.where(), _Mapping(entered.mapping)


class _Mapping(str):
    """A mapping in words, which knows its types."""

    def __new__(cls, mapping):
        self = super().__new__(cls, "{{{}}}".format(", ".join("{!r}: {!r}".format(*item) for item in mapping.items())))
        self.types = frozenset(mapping)
        return self


def _types(of_map):
    return of_map[1].types


def _summary(entered, ignored):
    if not entered:
        return "No override map was entered."
    what = "override map{} that {} entered".format(*("", "was") if entered == 1 else ("s", "were"))
    if not ignored:
        return "TensorFlow ignored none of the {} {}.".format(entered, what)
    return "TensorFlow ignored {} of the {} {}:".format(ignored, entered, what)
