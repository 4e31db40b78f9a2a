"""What is said where two arrays are not the same, in the manner of `numpy.testing`.

Knows nothing of modes: it is told what the arrays are called.
"""

import numpy as np

from compat_grad.testing.ulp import INCOMPARABLE, in_words, ulp_distance, ulps_apart

NO_GRADIENT = "no gradient (None)"


def mismatch(title, found, expected, called, bound):
    """Return the text that says how two arrays differ.

    Args:
      title: what they are.
      found, expected: arrays, or None for no gradient.
      called: what each of them is called.
      bound: what they were held to, in words.
    """
    lines = ["", title, "held to: {}".format(bound)]
    if found is not None and expected is not None:
        lines += _differences(np.asarray(found), np.asarray(expected), called)
    lines += [" {}: {}".format(name, _array(array)) for name, array in zip(called, (found, expected))]
    return "\n".join(lines)


def worst_of(arrays, others):
    """Return where two lists of arrays are furthest apart: "number 0, element [1]: 2.0, not -2.0"."""
    if len(arrays) != len(others):
        return "{} arrays, not {}".format(len(arrays), len(others))
    number = _first_largest([ulps_apart(one, other) for one, other in zip(arrays, others)])
    found, expected = [None if one is None else np.asarray(one) for one in (arrays[number], others[number])]
    place = "number {}".format(number)
    if found is None or expected is None:
        return "{}: {}, not {}".format(place, *["no gradient" if one is None else "one" for one in (found, expected)])
    if found.shape != expected.shape or found.dtype != expected.dtype:
        kinds = ["shape {}, {}".format(one.shape, one.dtype) for one in (found, expected)]
        return "{}: {}, not {}".format(place, *kinds)
    index, _ = _worst_element(found, expected)
    return "{}, element {}: {!s}, not {!s}".format(place, list(index), found[index], expected[index])


def _worst_element(found, expected):
    """Return (the index of the element that is furthest off, how far each is)."""
    apart = [ulp_distance(one, other) for one, other in zip(found.reshape(-1), expected.reshape(-1))]
    return tuple(int(i) for i in np.unravel_index(_first_largest(apart), found.shape)), apart


def _first_largest(distances):
    return int(np.argmax(np.array(distances, dtype=object)))


def _differences(found, expected, called):
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return ["(shapes {} and {}, dtypes {} and {})".format(found.shape, expected.shape, found.dtype, expected.dtype)]
    if not found.size:
        return []
    index, apart = _worst_element(found, expected)
    unequal = sum(distance > 0 for distance in apart)
    lines = [
        "Mismatched elements: {} / {} ({:.3g}%)".format(unequal, found.size, 100.0 * unequal / found.size),
        "Worst element: {} {!s} of {}, {!s} of {}: {} apart".format(
            list(index), found[index], called[0], expected[index], called[1], _in_words(max(apart))
        ),
    ]
    if found.dtype.kind in "fc":
        with np.errstate(all="ignore"):
            difference = np.abs(found.astype(np.result_type(found, np.float64)) - expected)
            relative = difference / np.abs(expected)
        lines.append("Max absolute difference: {!s}".format(np.max(difference)))
        lines.append("Max relative difference: {!s}".format(np.max(relative)))
    return lines


def _in_words(distance):
    return "as far as can be" if distance >= INCOMPARABLE else in_words(distance)


def _array(array):
    if array is None:
        return NO_GRADIENT
    array = np.asarray(array)
    return "shape {}, {}\n{!r}".format(array.shape, array.dtype, array)
