"""A contest: the contenders with what they are called on, and the proof that they solve the same problem.

Each has a gradient that is visibly not the native one, so that a contender whose override is lost is found out before
it is timed. Knows no TensorFlow.
"""

import collections

import numpy as np

from tests.bench.figures import LIMIT, OURS

#: contenders: {name: function}; arguments: of each; inputs: the tensors in them; sources: what is differentiated with
#: respect to, the inputs and the captured variables; tolerance: relative, how far the contenders may differ.
Contest = collections.namedtuple("Contest", "name contenders arguments inputs sources tolerance")


class Unable(Exception):
    """A contender cannot do this in this TensorFlow."""


class Unequal(AssertionError):
    """The contenders do not compute the same: there is nothing to compare."""


def able_and_equal(contest, run):
    """Return the contenders of a contest that can do it, having checked that they compute the same.

    Args:
      contest: a `Contest`.
      run: takes a contender, returns its ([values], [gradients]) as arrays.

    Raises:
      Unequal: values differ, or overridden gradients do, or the native gradient does not.
    """
    results = {}
    for name, contender in contest.contenders.items():
        try:
            results[name] = run(contender)
        except Unable as reason:
            print("{}: {} cannot do it: {}".format(contest.name, name, reason))
    check_equal(contest.name, results, contest.tolerance)
    return {name: contest.contenders[name] for name in results}


def check_equal(what, results, tolerance=0.0):
    """Raise Unequal unless all values and the overridden gradients in {contender: (values, gradients)} are the same."""
    values, gradients = results[OURS]
    for name, (found, found_gradients) in results.items():
        if not _same(found, values, tolerance):
            raise Unequal("{}: {} returns {}, {} {}".format(what, OURS, values, name, found))
        if _same(found_gradients, gradients, tolerance) == (name == LIMIT):
            raise Unequal(
                "{}: the gradients of {} are {}, those of {} {}".format(what, OURS, gradients, name, found_gradients)
            )


def _same(found, expected, tolerance):
    return len(found) == len(expected) and all(
        np.allclose(one, other, rtol=tolerance, atol=0.0) for one, other in zip(found, expected)
    )
