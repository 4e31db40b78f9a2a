"""How far apart two floating point numbers are: the count of representable numbers from one to the other.

-0.0 and 0.0 are the same number here (TensorFlow adds zeros for paths that nobody used, which turns the one into the
other), as are all NaN. NaN is as far from every number as can be.
"""

import numpy as np

#: The distance between NaN and a number, between unlike shapes or dtypes, and where one has a gradient and one none.
INCOMPARABLE = 2**63 - 1

_INTEGERS = {2: np.int16, 4: np.int32, 8: np.int64}


def ulp_distance(one, other):
    """Return the largest distance of two arrays of one floating dtype; of others, whether they are not the same."""
    one, other = np.asarray(one), np.asarray(other)
    if one.dtype != other.dtype or one.shape != other.shape:
        return INCOMPARABLE
    if one.dtype.kind == "c":
        part = np.dtype("f{}".format(one.dtype.itemsize // 2))
        one, other = (np.ascontiguousarray(array).reshape(-1).view(part) for array in (one, other))
    if one.dtype.kind != "f":
        return 0 if one.tolist() == other.tolist() else INCOMPARABLE
    if not one.size:
        return 0
    one, other = one.reshape(-1), other.reshape(-1)
    both = np.isnan(one) & np.isnan(other)
    if np.any(np.isnan(one) != np.isnan(other)):
        return INCOMPARABLE
    pairs = zip(_place(one)[~both].tolist(), _place(other)[~both].tolist())  # Python integers do not overflow
    return max([abs(a - b) for a, b in pairs], default=0)


def ulps_apart(one, other):
    """Return the distance of two arrays; no gradient counts as zero."""
    if one is None or other is None:
        given = other if one is None else one
        return 0 if given is None else ulp_distance(np.abs(given), np.zeros_like(given))
    return ulp_distance(one, other)


def in_words(distance):
    """Return a distance as text."""
    if distance > 10**6:
        return "worlds"
    return "1 ULP" if distance == 1 else "{} ULPs".format(distance)


def _place(array):
    """Return the place of each number in the line of all numbers of the dtype."""
    integer = _INTEGERS[array.dtype.itemsize]
    bits = np.ascontiguousarray(array).view(integer).astype(np.int64)
    return np.where(bits < 0, np.int64(np.iinfo(integer).min) - bits, bits)
