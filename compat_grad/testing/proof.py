"""Runs cases in ways: each right by its formulas where it has some, and all ways of it the same; writes down what came.

Knows what is expected and how far results may be apart; how they are computed is the ways' business.
"""

import contextlib

from compat_grad.testing.check import assert_close, assert_same_values, distance
from compat_grad.testing.process import NotInThisTensorFlow
from compat_grad.testing.rivals import verdicts
from compat_grad.testing.ulp import in_words
from compat_grad.testing.ways import ways_of, what_tensorflow_lacks


class Proof:
    """The results of one process.

    Args:
      recorder: a `results.Recorder` that is told everything.
      with_rivals: whether to record what TensorFlow's own means make of each case, too.
      with_slow: whether cases run in the slow ways.
    """

    def __init__(self, recorder, with_rivals=False, with_slow=False):
        self._recorder = recorder
        self._with_rivals, self._with_slow = with_rivals, with_slow
        self._declared = set()
        self._references = {}  # key of a case -> the name and results of the first way that it ran in

    def run(self, case, way):
        """Run a case in a way, and check.

        Raises:
          AssertionError: a result is wrong, or not that of the other ways.
          NotInThisTensorFlow: TensorFlow itself cannot.
        """
        try:
            results = way.run(case)
        except Exception as error:  # to be recorded, and raised
            reason = what_tensorflow_lacks(error, way)
            if reason is None:
                self._recorder.failed(case, way.name, "{}: {}".format(type(error).__name__, error))
                raise
            self._recorder.absent(case, way.name, reason)
            raise NotInThisTensorFlow(reason) from error
        self._recorder.found(case, way.name, results)
        try:
            self.check(case, way, results)
        except AssertionError as error:
            self._recorder.failed(case, way.name, str(error))
            raise

    def refer(self, case):
        """Have something to hold the next way of a case to: unless a way of it ran already, run the first that can."""
        for way in ways_of(case):
            if case.key in self._references:
                return
            if way.lacks is None and way.undefined(case) is None and way.orders == 2:
                with contextlib.suppress(NotInThisTensorFlow):
                    self.run(case, way)

    def check(self, case, way, results):
        """Assert that results are right, and no further from those of the other ways than the way may be."""
        expected = case.expected()
        for order, wanted in (("value", expected.real_value()), ("first", expected.first), ("second", expected.second)):
            for index, (found, array) in enumerate(zip(results.get(order, ()), wanted or ())):
                assert_close(case, found, array, "{} {}".format(order, index))
            if order in results and wanted is not None and len(results[order]) != len(wanted):
                raise AssertionError("{}: {} results, expected {}".format(order, len(results[order]), len(wanted)))
        name, reference = self._references.setdefault(case.key, (way.name, results))
        for order in results:
            apart = distance(results[order], reference[order]) if order in reference else 0
            if apart > way.bound(case, order):
                raise AssertionError("{}: {} from the results of: {}".format(order, in_words(apart), name))
        if way.transformation is None:
            assert_same_values(results, reference)

    def declare(self, case):
        """Take note of a case that will run, and why there are not all ways of it."""
        if case.key in self._declared:
            return
        self._declared.add(case.key)
        if self._with_rivals:
            self._recorder.beside(case, verdicts(case))
        for way in ways_of(case, self._with_slow):
            if way.undefined(case):
                self._recorder.absent(case, way.name, way.undefined(case), of_case=True)
            elif way.lacks:
                self._recorder.absent(case, way.name, way.lacks)
