"""Each override of the catalogue, in every mode, under every strategy, to second order, and transformed.

Right by NumPy's float64 formulas, and the same bits in all ways (XLA and vectorized_map within the case's bound).
"""

import numpy as np
import pytest

from compat_grad.testing.case import is_floating
from tests.conformance.families import CATALOGUE  # of which compat_grad.testing.plugin makes the tests


def test_the_catalogue_is_not_lost():
    assert len(CATALOGUE) >= 60


@pytest.mark.parametrize("case", [pytest.param(case, id=key) for key, case in CATALOGUE.items() if case.true_gradient])
def test_a_formula_that_claims_to_be_the_true_gradient_is(case):
    expected = case.expected()
    for index, (formula, array) in enumerate(zip(expected.first, expected.differences_of_value())):
        np.testing.assert_allclose(formula, array, rtol=1e-6, atol=1e-7, err_msg="gradient {}".format(index))
        assert is_floating(formula)
