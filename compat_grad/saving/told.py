"""What a graph tells of a call of an override, in words: enough for another process that defines it again.

A MetaGraph, a GraphDef and a SavedModel carry the attributes of ops and nothing of Python. So the override's name is
written on its op, and the arguments of the call, with what can be said in a text: numbers, strings, None, small arrays,
dtypes, and lists, tuples and dicts of such. Of anything else only its type.
"""

import json
import reprlib

import numpy as np

from compat_grad._tf import tf

MOST = 10000  # characters; a graph shall not grow by its attributes
LONGEST = 8 * MOST  # with the name of an override, of which a text has as much as six times
BACKWARD, SURROGATE = "backward", "surrogate"


class Input:
    """In the place of a tensor among the arguments."""

    def __init__(self, index):
        self.index = index


class Untold(LookupError):
    """Raised for an argument that a graph cannot tell, of a call of the override of this name."""

    override = None


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


def tell_inside(text, op_types):
    """Return the text for a call that text tells of, inside of an override of the gradients of op_types."""
    return json.dumps(dict(json.loads(text), inside=sorted(op_types)), sort_keys=True)


def hear(text, tensors):
    """Return what a text tells of an op that has these inputs.

    Returns:
      For a surrogate ``(SURROGATE, name, (combine, n_inputs), inside)``, for a backward ``(BACKWARD, name, (args,
      kwargs, values, n_variables), inside)`` with the tensors among the arguments in place, and the values that
      forward captures. inside: the op types whose gradients are overridden around the call.

    Raises:
      Untold: an argument is among them that a graph cannot tell.
      Malformed: it is no such text. The graph may be a stranger's: nothing in it is taken on trust.
    """
    if len(text) > LONGEST:
        raise Malformed("it has {} characters".format(len(text)))
    try:
        told = json.loads(text)
        name, read = told["override"], _READERS[told["kind"]]
        if not (isinstance(name, str) and len(name) <= MOST):
            raise TypeError("the name of an override is a string")
        inside = told.get("inside", [])
        if not (isinstance(inside, list) and all(isinstance(op_type, str) for op_type in inside)):
            raise TypeError("op types are strings")
        return (told["kind"], name, read(told, tensors), inside)
    except Untold as error:
        error.override = name
        raise
    except (ArithmeticError, AttributeError, LookupError, RecursionError, SyntaxError, TypeError, ValueError) as error:
        raise Malformed("{} ({})".format(reprlib.repr(text), reprlib.repr(str(error)))) from None


class Malformed(LookupError):
    """Raised for a text that tells of no call."""


def _read_surrogate(told, tensors):
    combine, n_inputs = told["combine"], _number(told["inputs"], len(tensors))
    if not isinstance(combine, str):
        raise TypeError("combine is a string")
    return combine, n_inputs


def _read_backward(told, tensors):
    n_values = _number(told["values"], len(tensors))
    n_variables = _number(told["variables"], n_values)
    if not (isinstance(told["args"], dict) and isinstance(told["kwargs"], dict)):
        raise TypeError("arguments are a list and a dict")
    n_tensors = _count(told["args"]) + _count(told["kwargs"])
    first = len(tensors) - n_values - n_tensors
    given = tensors[_number(first, len(tensors)) : first + n_tensors]
    args, kwargs = _decode(told["args"], given), _decode(told["kwargs"], given)
    if not (isinstance(args, list) and isinstance(kwargs, dict)):
        raise TypeError("arguments are a list and a dict")
    return args, kwargs, tensors[len(tensors) - n_values :], n_variables


_READERS = {SURROGATE: _read_surrogate, BACKWARD: _read_backward}


def _number(value, most):
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError("{} is not from 0 to {}".format(reprlib.repr(value), most))
    return value


def _count(value):
    """Return how many tensors there are among arguments as they are told."""
    if isinstance(value, dict):
        ((kind, inner),) = value.items()
        if kind == "input":
            return 1
        return _count(inner) if kind in ("list", "tuple", "dict") else 0
    return sum(map(_count, value)) if isinstance(value, list) else 0


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


def _tensor(index, tensors):
    return tensors[_number(index, len(tensors) - 1)]


def _dtype(name):
    """Return a dtype of numbers: others can be of any size."""
    dtype = np.dtype(name) if isinstance(name, str) else None
    if dtype is None or dtype.kind not in "biuf":
        raise TypeError("{} is no dtype of numbers".format(reprlib.repr(name)))
    return dtype


def _untold(what, tensors):
    raise Untold(what if isinstance(what, str) and len(what) <= MOST else reprlib.repr(what))


_DECODERS = {
    "input": _tensor,
    "list": lambda items, tensors: [_decode(item, tensors) for item in items],
    "tuple": lambda items, tensors: tuple([_decode(item, tensors) for item in items]),
    "dict": lambda items, tensors: {key: _decode(item, tensors) for key, item in items},
    "dtype": lambda name, tensors: tf.as_dtype(name),
    "array": lambda told, tensors: np.array(told[1], _dtype(told[0])),
    "scalar": lambda told, tensors: _dtype(told[0]).type(told[1]),
    "other": _untold,
}
