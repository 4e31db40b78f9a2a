"""What a graph tells of a call of an override, in words: enough for another process that defines it again.

A MetaGraph, a GraphDef and a SavedModel carry the attributes of ops and nothing of Python. So the override's name is
written on its op, and the arguments of the call, with what can be said in a text: numbers, strings, None, small arrays,
dtypes, and lists, tuples and dicts of such. Of anything else only its type.
"""

import json

import numpy as np

from compat_grad._tf import tf

MOST = 10000  # characters; a graph shall not grow by its attributes
BACKWARD, SURROGATE = "backward", "surrogate"


class Input:
    """In the place of a tensor among the arguments."""

    def __init__(self, index):
        self.index = index


class Untold(LookupError):
    """Raised for an argument that a graph cannot tell."""


def tell_backward(name, args, kwargs, n_variables, n_values):
    """Return the text for a call of the override of this name, with `Input`s for tensors among args and kwargs.

    Behind the tensors the op has n_values of n_variables that forward captures.
    """
    told = {"kind": BACKWARD, "override": name, "variables": n_variables, "values": n_values}
    text = json.dumps(dict(told, args=_encode(list(args)), kwargs=_encode(dict(kwargs))), sort_keys=True)
    return text if len(text) <= MOST else tell_nothing(name, "arguments of {} characters".format(len(text)))


def tell_surrogate(name, combine, n_inputs):
    """Return the text for a tie of an override's outputs to those of its surrogate."""
    return json.dumps({"kind": SURROGATE, "override": name, "combine": combine, "inputs": n_inputs}, sort_keys=True)


def tell_nothing(name, what):
    """Return the text for a call that cannot be told because of what is among its arguments."""
    told = {"kind": BACKWARD, "override": name, "variables": 0, "values": 0}
    return json.dumps(dict(told, args=_encode([]), kwargs={"other": what}), sort_keys=True)


def hear(text):
    """Return what a text tells: a dict with "kind", "override" and more."""
    return json.loads(text)


def arguments(told, tensors):
    """Return (args, kwargs) of a call, with these tensors for its inputs; raises Untold."""
    return _decode(told["args"], tensors), _decode(told["kwargs"], tensors)


def _encode(value):
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Input):
        return {"input": value.index}
    if type(value) in (list, tuple):
        return {type(value).__name__: [_encode(item) for item in value]}
    if type(value) is dict and all(type(key) is str for key in value):
        return {"dict": [[key, _encode(item)] for key, item in value.items()]}
    if isinstance(value, tf.DType):
        return {"dtype": value.name}
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biuf":
        return {"array" if isinstance(value, np.ndarray) else "scalar": [value.dtype.str, value.tolist()]}
    return {"other": "an argument of type {}".format(type(value).__name__)}


def _decode(value, tensors):
    if not isinstance(value, dict):
        return value
    ((kind, told),) = value.items()
    return _DECODERS[kind](told, tensors)


def _untold(what, tensors):
    raise Untold(what)


_DECODERS = {
    "input": lambda index, tensors: tensors[index],
    "list": lambda items, tensors: [_decode(item, tensors) for item in items],
    "tuple": lambda items, tensors: tuple([_decode(item, tensors) for item in items]),
    "dict": lambda items, tensors: {key: _decode(item, tensors) for key, item in items},
    "dtype": lambda name, tensors: tf.as_dtype(name),
    "array": lambda told, tensors: np.array(told[1], told[0]),
    "scalar": lambda told, tensors: np.dtype(told[0]).type(told[1]),
    "other": _untold,
}
