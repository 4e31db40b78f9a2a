"""Whether results are what the float64 formulas say, and whether two ways gave the same bits."""

import numpy as np

from compat_grad.testing.ulp import INCOMPARABLE, ulps_apart


def assert_close(case, found, expected, what):
    """Assert that found is expected to within the case's tolerance; no gradient counts as zero."""
    if not is_close(case, found, expected):
        raise AssertionError("{}:\n{!r}\nexpected\n{!r}".format(what, found, expected))


def is_close(case, found, expected):
    """Whether found is expected to within the case's tolerance; no gradient counts as zero."""
    if found is None or expected is None:
        given = found if expected is None else expected
        return given is None or not np.any(given)
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape:
        return False
    if found.dtype.kind not in "fc":
        return found.tolist() == expected.tolist()
    finite = np.isfinite(expected)
    scale = np.max(np.abs(expected[finite])) if np.any(finite) else 0.0
    # what is exact in float64 but for the last place of the finite differences
    epsilon = max(case.epsilon or np.finfo(found.dtype).eps, 1e-10)
    return np.allclose(found, expected, rtol=0, atol=case.tolerance * epsilon * max(scale, 1e-3), equal_nan=True)


def assert_same_values(results, others):
    """Assert that the values, unlike the derivatives, are the same to the signs of zeros."""
    for one, other in zip(results["value"], others["value"]):
        one, other = np.asarray(one), np.asarray(other)
        if one.dtype.kind == "f":
            numbers = ~np.isnan(one)
            if not np.array_equal(np.signbit(one[numbers]), np.signbit(other[numbers])):
                raise AssertionError("the sign of a zero")


def distance(arrays, others):
    """Return the worst distance in ULPs of two lists of arrays; no gradient counts as zero."""
    if len(arrays) != len(others):
        return INCOMPARABLE
    return max([ulps_apart(one, other) for one, other in zip(arrays, others)], default=0)
