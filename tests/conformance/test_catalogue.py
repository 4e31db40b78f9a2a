"""Each override of the catalogue, in every mode, under every strategy, to second order, and transformed.

Right by NumPy's float64 formulas, and the same bits in all ways (XLA and vectorized_map within the case's bound).
"""

import numpy as np
import pytest

from tests.conformance.case import is_floating
from tests.conformance.check import assert_close, assert_same_values, distance
from tests.conformance.families import CATALOGUE
from tests.conformance.ulp import in_words
from tests.conformance.ways import WAYS, what_tensorflow_lacks

RUNS = [
    pytest.param(case, way, id="{}, {}".format(case.key, way.name))
    for case in CATALOGUE.values()
    for way in WAYS
    if way.lacks is None and way.undefined(case) is None
]
_references = {}  # case -> the name and results of the first way that it ran in


@pytest.mark.parametrize("case, way", RUNS)
def test_the_override_is_right_and_the_same_in_every_way(case, way, recorder):
    try:
        results = way.run(case)
    except Exception as error:  # to be recorded, and raised
        reason = what_tensorflow_lacks(error, way)
        if reason is None:
            recorder.failed(case, way.name, "{}: {}".format(type(error).__name__, error))
            raise
        recorder.absent(case, way.name, reason)
        pytest.skip(reason)
    recorder.found(case, way.name, results)
    try:
        check(case, way, results)
    except AssertionError as error:
        recorder.failed(case, way.name, str(error))
        raise


def check(case, way, results):
    """Assert that results are right, and no further from those of the other ways than the way may be."""
    expected = case.expected()
    for order, wanted in (("value", expected.real_value()), ("first", expected.first), ("second", expected.second)):
        for index, (found, array) in enumerate(zip(results.get(order, ()), wanted or ())):
            assert_close(case, found, array, "{} {}".format(order, index))
        assert order not in results or len(results[order]) == len(wanted), order
    name, reference = _references.setdefault(case.key, (way.name, results))
    for order in results:
        apart = distance(results[order], reference[order]) if order in reference else 0
        if apart > way.bound(case, order):
            raise AssertionError("{}: {} from the results of: {}".format(order, in_words(apart), name))
    if way.transformation is None:
        assert_same_values(results, reference)


def test_ways_that_there_are_not_are_recorded_with_their_reasons(recorder):
    for case in CATALOGUE.values():
        for way in WAYS:
            if way.undefined(case):
                recorder.absent(case, way.name, way.undefined(case), of_case=True)
            elif way.lacks:
                recorder.absent(case, way.name, way.lacks)
    assert len(CATALOGUE) >= 60


@pytest.mark.parametrize("case", [pytest.param(case, id=key) for key, case in CATALOGUE.items() if case.true_gradient])
def test_a_formula_that_claims_to_be_the_true_gradient_is(case):
    expected = case.expected()
    for index, (formula, array) in enumerate(zip(expected.first, expected.differences_of_value())):
        np.testing.assert_allclose(formula, array, rtol=1e-6, atol=1e-7, err_msg="gradient {}".format(index))
        assert is_floating(formula)
