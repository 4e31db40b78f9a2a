"""A figure: what was measured, of which problem, and what each contender took, round by round. Knows no TensorFlow."""

import collections
import statistics

OURS = "override_gradient"
THEIRS, TRICK = RIVALS = "tf.custom_gradient", "stop_gradient trick"  # what one would use instead
LIMIT = "no override"


class Figure(collections.namedtuple("Figure", "what problem unit samples")):
    """One line of the table.

    Attributes:
      what: what was measured.
      problem: of what.
      unit: "s", "bytes", or what is counted.
      samples: {contender: [a number for each round]}.
    """

    __slots__ = ()

    @property
    def contenders(self):
        """The names of those that could do it."""
        return list(self.samples)

    def median(self, contender):
        """Return the median of the rounds."""
        return statistics.median(self.samples[contender])

    def ratio(self, contender, other):
        """Return the median of contender / other, each within one round: what slows a whole round drops out."""
        ratios = [a / b for a, b in zip(self.samples[contender], self.samples[other]) if b]
        return statistics.median(ratios) if ratios else None

    def to_rival(self):
        """Return ours / the rival, None where there is no rival."""
        return next((self.ratio(OURS, rival) for rival in RIVALS if rival in self.samples), None)

    def to_limit(self):
        """Return ours / the limit, None where there is no limit."""
        return self.ratio(OURS, LIMIT) if LIMIT in self.samples else None

    def overhead(self):
        """Return what ours adds to the limit over what tf.custom_gradient adds, None where one of them is not there.

        Of minima: what disturbs makes everything longer, never shorter.
        """
        if not {OURS, THEIRS, LIMIT} <= set(self.samples):
            return None
        ours, theirs, limit = (min(self.samples[name]) for name in (OURS, THEIRS, LIMIT))
        return (ours - limit) / (theirs - limit) if theirs > limit else None

    def as_json(self):
        """Return what the JSON file holds of it."""
        return {
            "what": self.what,
            "problem": self.problem,
            "unit": self.unit,
            "median": {name: self.median(name) for name in self.contenders},
            "minimum": {name: min(samples) for name, samples in self.samples.items()},
            "to_rival": self.to_rival(),
            "to_limit": self.to_limit(),
            "overhead": self.overhead(),
        }


#: How much is measured. rounds: of contenders in turns; seconds: a contender's turn; calls, variables: in the graphs
#: that are built; builds: rounds of whatever takes long; graphs: in search of leaks; interpreters: fresh ones; large:
#: whether on 8 MB, too, and on all of the small ones; overhead_...: rounds of calls, built graphs and traces of which
#: the minimum counts, and the variables in such graphs; objects: overrides; stacked: calls in one trace.
Effort = collections.namedtuple(
    "Effort",
    "rounds seconds builds calls variables graphs interpreters large overhead_rounds overhead_builds overhead_traces "
    "overhead_variables objects stacked",
)
FULL = Effort(21, 0.01, 5, (10, 100, 1000, 5000), (0, 100, 400, 1000), 200, 3, True, 400, 20, 8, (0, 400), 2000, 5000)
QUICK = Effort(2, 0.0, 1, (10, 100), (0, 400), 3, 0, False, 2, 1, 1, (0, 400), 3, 20)
