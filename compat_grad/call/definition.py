"""What `override_gradient` may be given, and what it says of anything else. Knows nothing of calls."""

import collections
import collections.abc
import functools
import inspect

from compat_grad import _tf
from compat_grad.call.arity import Takes
from compat_grad.call.surrogate import COMBINATIONS
from compat_grad.strategies.table import STRATEGIES

#: What `override_gradient` was given.
Definition = collections.namedtuple("Definition", "forward backward surrogate combine strategy name on_unused")


def check_definition(where, forward, backward, surrogate, combine, strategy, on_unused):
    """Raise TypeError or ValueError, naming the override (where) and the argument, unless these make an override."""
    if not callable(forward):
        raise TypeError(
            "override_gradient: forward must be callable, got {!r} ({}).{}".format(
                forward, type(forward).__name__, _what_was_meant(forward)
            )
        )
    if (backward is None) == (surrogate is None):
        raise TypeError(
            "{}: give exactly one of backward (a gradient function or a registered name) and surrogate (a function "
            "whose gradient is used), a decorator's in its brackets: @override_gradient(backward=...); got {}.".format(
                where, "neither" if backward is None else "both"
            )
        )
    if surrogate is not None and not callable(surrogate):
        raise TypeError(
            "{}: surrogate must be callable, got {!r} ({}).".format(where, surrogate, type(surrogate).__name__)
        )
    if isinstance(backward, collections.abc.Mapping):
        _check_mapping(backward, strategy, where)
    elif backward is not None and not callable(backward) and not isinstance(backward, str):
        raise TypeError(
            "{}: backward must be a function (op, *output_grads), the name of a registered gradient, or a dict from op "
            "types to either, got {!r} ({}).".format(where, backward, type(backward).__name__)
        )
    if on_unused not in ("error", "ignore"):
        raise ValueError("{}: on_unused must be 'error' or 'ignore', got {!r}.".format(where, on_unused))
    if on_unused != "error" and not isinstance(backward, collections.abc.Mapping):
        raise ValueError(
            "{}: on_unused={!r} is for a backward that maps op types to gradients, and there is none.".format(
                where, on_unused
            )
        )
    if combine not in COMBINATIONS:
        raise ValueError("{}: combine must be 'add' or 'multiply', got {!r}.".format(where, combine))
    if combine != "add" and surrogate is None:
        raise ValueError("{}: combine={!r} is for a surrogate, and there is none.".format(where, combine))
    if strategy != "auto" and strategy not in STRATEGIES:
        raise ValueError(
            "{}: unknown strategy {!r}. Choose 'auto' or one of {}.".format(where, strategy, ", ".join(STRATEGIES))
        )
    if strategy == "stop_gradient" and surrogate is None:
        raise ValueError(
            "{}: strategy 'stop_gradient' cannot express a backward, only a surrogate. Leave strategy='auto', or give "
            "surrogate=g with the gradient that you want.".format(where)
        )


def _what_was_meant(forward):
    if isinstance(forward, (str, collections.abc.Mapping)):  # gradient_override_map's argument
        return (
            " It comes first, the gradient second: override_gradient(forward, {!r}), or as a decorator "
            "@override_gradient(backward={!r}).".format(forward, forward)
        )
    if isinstance(forward, property):
        return " Let @property stand above @override_gradient(...)."
    return ""


_FUNCTION_CALLS = frozenset(("PartitionedCall", "StatefulPartitionedCall"))


def _check_mapping(mapping, strategy, where):
    if not mapping:
        raise ValueError(
            "{}: backward is an empty dict. Map op types to gradients, such as {{'Relu': my_gradient}}.".format(where)
        )
    for op_type, gradient in mapping.items():
        if not isinstance(op_type, str):
            raise TypeError(
                "{}: the keys of backward are op types such as 'Relu', got {!r} ({}){}.".format(
                    where, op_type, type(op_type).__name__, _probably(getattr(op_type, "__name__", ""))
                )
            )
        if "." in op_type:
            raise ValueError(
                "{}: the keys of backward are op types such as 'Relu', got {!r}, the name of a function{}. What ops a "
                "function makes, and of which types, tells op.type.".format(where, op_type, _probably(op_type))
            )
        if op_type in _FUNCTION_CALLS:
            raise ValueError(
                "{}: the gradient of a {} op, the call of a function, cannot be overridden: TensorFlow differentiates "
                "what is in the function, whatever gradient the call has. Map the op types in it, which are reached; "
                "or give the function itself a gradient in forward: override_gradient(that_function, "
                "backward).".format(where, op_type)
            )
        if not callable(gradient) and not isinstance(gradient, str):
            raise TypeError(
                "{}: backward[{!r}] must be a function (op, *output_grads) or the name of a registered gradient, got "
                "{!r} ({}).".format(where, op_type, gradient, type(gradient).__name__)
            )
        if callable(gradient):
            Takes(gradient).check_convention(where, "backward[{!r}]".format(op_type))
    if strategy not in ("auto", "gradient_override_map"):
        raise ValueError(
            "{}: strategy {!r} cannot express the gradients of ops within forward. Leave strategy='auto' (which takes "
            "'gradient_override_map').".format(where, strategy)
        )


def gradient_in_words(definition):
    """Return which gradient a `Definition` gives its forward: "gradient of surrogate tanh"."""
    if definition.surrogate is not None:
        relative = "relative " if definition.combine == "multiply" else ""
        return "{}gradient of surrogate {}".format(relative, name_of(definition.surrogate))
    if not isinstance(definition.backward, collections.abc.Mapping):
        return "gradient " + _rule_in_words(definition.backward)
    rules = ["of {} {}".format(op_type, _rule_in_words(rule)) for op_type, rule in definition.backward.items()]
    return "gradient " + ", ".join(rules)


def _rule_in_words(rule):
    return "registered as {!r}".format(rule) if isinstance(rule, str) else "by {}".format(name_of(rule))


class Doc:
    """The docstring of a class of overrides, and of each of its objects the one that tells forward and gradient."""

    def __init__(self, of_class):
        self._of_class = of_class

    def __get__(self, override, owner):
        return self._of_class if override is None else doc_of(override._definition)


def doc_of(definition):
    """Return forward's docstring, with a last paragraph that says what the gradient is."""
    replaced = "Its own gradient is replaced (compat_grad.override_gradient): {}.".format(gradient_in_words(definition))
    doc = definition.forward.__doc__
    return "{}\n\n{}".format(inspect.cleandoc(doc), replaced) if isinstance(doc, str) and doc.strip() else replaced


def _probably(function_name):
    """Return the advice to take the op type that is called like a function, as Relu is like tf.nn.relu."""
    name = function_name.rpartition(".")[2].replace("_", "").lower()
    found = [op_type for op_type in _tf.op_types() if op_type.lower() == name]
    return ": {!r} is probably meant".format(found[0]) if found else ""


def name_of(function):
    """Return what to call a function in error messages and graphs."""
    if isinstance(function, functools.partial):
        return name_of(function.func)
    public = _tf.public_path(function)  # not "softmax_v2", which Keras 2 takes for its own softmax
    if public is not None:
        return public.rpartition(".")[2]
    for attribute in ("__name__", "name"):
        name = getattr(function, attribute, None)
        if isinstance(name, bytes):  # a ConcreteFunction's
            name = name.decode("utf-8")
        if name and isinstance(name, str):
            return name
    return type(function).__name__
