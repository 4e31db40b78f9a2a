"""Each override of the catalogue, in every mode, under every strategy, to second order, and transformed.

Right by NumPy's float64 formulas, and the same bits in all ways (XLA and vectorized_map within the case's bound).
"""

import numpy as np
import pytest

from compat_grad.testing.case import is_floating
from compat_grad.testing.ways import all_ways
from tests.conformance.families import CATALOGUE

RUNS = [
    pytest.param(case, way, id="{}, {}".format(case.key, way.name))
    for case in CATALOGUE.values()
    for way in all_ways()
    if way.lacks is None and way.undefined(case) is None
]


@pytest.mark.parametrize("case, way", RUNS)
def test_the_override_is_right_and_the_same_in_every_way(case, way, proof):
    proof.run(case, way)


def test_ways_that_there_are_not_are_recorded_with_their_reasons(proof):
    for case in CATALOGUE.values():
        proof.record_missing(case, all_ways())
    assert len(CATALOGUE) >= 60


@pytest.mark.parametrize("case", [pytest.param(case, id=key) for key, case in CATALOGUE.items() if case.true_gradient])
def test_a_formula_that_claims_to_be_the_true_gradient_is(case):
    expected = case.expected()
    for index, (formula, array) in enumerate(zip(expected.first, expected.differences_of_value())):
        np.testing.assert_allclose(formula, array, rtol=1e-6, atol=1e-7, err_msg="gradient {}".format(index))
        assert is_floating(formula)
