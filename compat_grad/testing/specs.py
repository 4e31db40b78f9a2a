"""What is written on a command line for the inputs of a function: ``float32[4,?]=0..1``, an .npz, a factory.

Knows nothing of TensorFlow.
"""

import importlib
import os
import re
import zlib

import numpy as np

#: what stands in for an unknown dimension
UNKNOWN_SIZE = 3

_SPEC = re.compile(r"^(?P<dtype>\w+)(?:\[(?P<shape>[^\]]*)\])?(?:=(?P<low>[^=]+?)(?:\.\.(?P<high>.+))?)?$")
_EXAMPLE = 'an input is written as "float32[4,8]", "float32[?,8]=0..1" or "int32[4]=0..9"'


class BadSpec(ValueError):
    """What was written makes no sense; the message is one line."""


class Input:
    """An array, and the static shape that a function gets it with: None where the array's own is known."""

    def __init__(self, array, shape=None):
        self.array, self.shape = array, shape


def from_text(text, seed=0):
    """Return the `Input` that a text describes: ``DTYPE[DIMS]``, then ``=LOW..HIGH`` or ``=VALUE``.

    A dimension "?" is unknown to the function. Floating numbers are normally distributed where there are no bounds,
    others are from -8 to 7. The same text with the same seed gives the same numbers.

    Raises:
      BadSpec: with one line that says what is wrong.
    """
    found = _SPEC.match(text.strip().replace(" ", ""))
    if found is None:
        raise BadSpec("{!r} is no input: {}".format(text, _EXAMPLE))
    dtype = _dtype(found.group("dtype"), text)
    dims = [_dimension(dim, text) for dim in (found.group("shape") or "").split(",") if dim]
    shape = [UNKNOWN_SIZE if dim is None else dim for dim in dims]
    low, high = (_number(found.group(name), text) for name in ("low", "high"))
    if low is not None and high is not None and not low < high:
        raise BadSpec("{!r}: {} is not below {}".format(text, found.group("low"), found.group("high")))
    numbers = np.random.RandomState(zlib.crc32("{} {}".format(seed, text).encode()) & 0xFFFFFFFF)
    return Input(_draw(numbers, dtype, shape, low, high), dims if None in dims else None)


def _dtype(name, text):
    try:
        dtype = np.dtype(name)
    except TypeError:
        dtype = None
    if dtype is None or dtype.kind not in "fcbiu":
        raise BadSpec("{!r}: {!r} is no dtype of numbers, as float32, complex64, int32, bool are".format(text, name))
    return dtype


def _dimension(dim, text):
    if dim in ("?", "None"):
        return None
    if not dim.isdigit():
        raise BadSpec("{!r}: {!r} is no dimension; take a number, or ? for one that is unknown".format(text, dim))
    return int(dim)


def _number(word, text):
    if word is None:
        return None
    try:
        return float(word)
    except ValueError:
        raise BadSpec("{!r}: {!r} is no number; {}".format(text, word, _EXAMPLE)) from None


def _draw(numbers, dtype, shape, low, high):
    if low is not None and high is None:
        return np.full(shape, low).astype(dtype)
    if dtype.kind in "biu":
        low, high = (0 if dtype.kind in "bu" else -8, 2 if dtype.kind == "b" else 8) if low is None else (low, high)
        return numbers.randint(int(low), int(high), shape).astype(dtype)

    def line():
        return numbers.standard_normal(shape) if low is None else numbers.uniform(low, high, shape)

    return np.asarray(line() + 1j * line() if dtype.kind == "c" else line()).astype(dtype)


def from_file(path):
    """Return the `Input`s in an .npz, in the order of their names' numbers, or the one in an .npy.

    Raises:
      BadSpec: there is no such file, or it holds something else than arrays.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return [Input(loaded)]
        with loaded:
            return [Input(loaded[name]) for name in sorted(loaded.files, key=_by_number)]
    except (OSError, ValueError) as error:
        raise BadSpec("{!r} cannot be read as an .npz of arrays: {}".format(path, error)) from None


def _by_number(name):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def named(text):
    """Return what ``package.module:name`` names.

    Raises:
      BadSpec: there is no such module, or nothing of that name in it.
    """
    module_name, colon, name = text.partition(":")
    if not colon or not module_name or not name:
        raise BadSpec("{!r} names nothing: write package.module:name".format(text))
    try:
        found = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if not module_name.startswith(error.name or " "):
            raise  # a module that the user's own imports
        raise BadSpec("there is no module {!r} here".format(module_name)) from None
    for part in name.split("."):
        if not hasattr(found, part):
            raise BadSpec("{!r} has no {!r}".format(module_name, name))
        found = getattr(found, part)
    return found


def given(texts, source, seed=0):
    """Return the `Input`s of ``--input`` texts and an ``--inputs`` source, a file or a factory's name."""
    inputs = [from_text(text, seed) for text in texts]
    if source is None:
        return inputs
    if os.path.splitext(source)[1] in (".npz", ".npy"):
        return inputs + from_file(source)
    made = named(source)()
    several = isinstance(made, (list, tuple)) and not hasattr(made, "_fields")  # as a sparse tensor in NumPy has
    return inputs + [Input(array) for array in (made if several else [made])]
