"""The distance of floating point numbers, counted in numbers."""

import numpy as np
import pytest

from compat_grad.testing.ulp import INCOMPARABLE, ulp_distance

ONE = np.float32(1)
TINY = np.float32(1e-45)  # the smallest denormal number


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_neighbours_are_one_apart(dtype):
    for number in np.array([1, -1, 0.1, 1024, -3e-5], dtype):
        above = np.nextafter(number, dtype(np.inf))
        assert ulp_distance(number, above) == ulp_distance(above, number) == 1
        assert ulp_distance(number, np.nextafter(above, dtype(np.inf))) == 2
        assert ulp_distance(number, number) == 0


def test_the_line_of_numbers_runs_through_zero():
    assert ulp_distance(np.float32(-0.0), np.float32(0.0)) == 0
    assert ulp_distance(TINY, np.float32(0)) == ulp_distance(-TINY, np.float32(-0.0)) == 1
    assert ulp_distance(TINY, -TINY) == 2


def test_a_power_of_two_is_as_many_apart_as_the_mantissa_has_numbers():
    assert ulp_distance(ONE, np.float32(2)) == 2**23
    assert ulp_distance(np.float64(-1), np.float64(-2)) == 2**52


def test_the_greatest_distance_of_arrays_counts():
    row = np.float32([1, 2, 4])
    moved = row.copy()
    moved[1] = np.nextafter(np.nextafter(moved[1], np.float32(9)), np.float32(9))
    assert ulp_distance(row, moved) == 2
    assert ulp_distance(row[:0], row[:0]) == 0


def test_nan_is_nan_and_infinitely_far_from_numbers():
    nans = np.array([0x7FC00000, 0xFFC00001], np.uint32).view(np.float32)
    assert ulp_distance(nans[0], nans[1]) == 0
    assert ulp_distance(nans[0], ONE) == INCOMPARABLE
    assert ulp_distance(np.float32(np.inf), np.finfo(np.float32).max) == 1
    assert ulp_distance(np.float32(np.inf), np.float32(-np.inf)) > 2**31


def test_complex_numbers_are_two_real_ones():
    assert ulp_distance(np.complex64(1 + 1j), np.complex64(1 + np.nextafter(ONE, np.float32(2)) * 1j)) == 1


@pytest.mark.parametrize(
    "one, other",
    [
        (ONE, np.float64(1)),
        (np.ones(2, np.float32), np.ones(3, np.float32)),
        (np.int32(1), np.int32(2)),
        (np.array("a", object), np.array("b", object)),
    ],
)
def test_what_cannot_be_compared_is_infinitely_far(one, other):
    assert ulp_distance(one, other) == INCOMPARABLE


def test_integers_and_strings_are_the_same_or_not():
    assert ulp_distance(np.int32([1, 2]), np.int32([1, 2])) == 0
    assert ulp_distance(np.array(["a"], object), np.array(["a"], object)) == 0
