"""Which parameters of a function a call passes, by number and name, and which defaults stand between them.

Knows nothing of the values that are passed.
"""

import inspect

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def signature_of(function):
    """Return the signature of a callable, or None."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # some builtins and extension types tell none
        return None


def is_method(function):
    """Whether function was defined in a class body, with the instance (or the class) as its first parameter.

    ``@classmethod`` over an override (Python up to 3.8, and from 3.13 on) hands the class over as an argument.
    """
    if not inspect.isfunction(function) or function.__code__.co_varnames[:1] not in (("self",), ("cls",)):
        return False
    return function.__qualname__.rpartition(".")[0].rpartition(".")[2] not in ("", "<locals>")


class Signature:
    """The parameters of a callable; those of a method without its self."""

    def __init__(self, function, n_self=0):
        self.whole = signature_of(function)
        self._n_self = n_self
        found = inspect.signature(_takes_anything) if self.whole is None else self.whole
        self.parameters = list(found.parameters.values())[n_self if self.whole else 0 :]
        self.positional = [one for one in self.parameters if one.kind in _POSITIONAL]
        self.names = [one.name for one in self.parameters]
        self.defaults = {one.name: one.default for one in self.parameters if one.default is not one.empty}

    def check(self, args, kwargs):
        """Raise TypeError unless the arguments fit."""
        if self.whole is not None:
            self.whole.bind(*((None,) * self._n_self + tuple(args)), **kwargs)

    def name_of(self, kind, otherwise):
        """Return the name of ``*args`` or ``**kwargs``."""
        return next((one.name for one in self.parameters if one.kind == kind), otherwise)


def _takes_anything(*args, **kwargs):
    """What a callable that has no signature is taken for."""


def binds(function_signature, args, kwargs):
    """Whether the arguments fit."""
    try:
        function_signature.bind(*args, **kwargs)
    except TypeError:
        return False
    return True


class Form:
    """What a call passes, by number and name alone: its values, in the order of the signature.

    There is a value for each parameter up to and including the last that is passed, defaults filled in, so that a place
    means the same parameter in every call. What goes to ``*args`` and ``**kwargs`` are values each.

    Attributes:
      names: what to call each value.
      n_positional: how many are passed by position; they come first.
      keywords: (place, name) of those that are passed by name.
      filled: (place, name) of the defaults that are filled in; no name where it must go by position.
      key: equal for the same forms of one signature.
    """

    def __init__(self, signature, n_positional, passed):
        self._signature = signature
        self.n_positional = n_positional
        taken = {one.name for one in signature.positional[:n_positional]}
        named = [one for one in signature.parameters if one.kind not in _VARIABLE and one.name not in taken]
        self._extra = sorted(set(passed) - {one.name for one in named})
        last = max([index for index, one in enumerate(named, 1) if one.name in passed] or [0])
        named = named if self._extra else named[:last]
        self._rest = [(one.name, one.default) for one in named] + [(name, None) for name in self._extra]
        self.names = self._positional_names() + tuple([name for name, _ in self._rest])
        places = list(enumerate(self.names))[n_positional:]
        self.keywords = [(place, name) for place, name in places if name in passed]
        self.filled = [
            (place, None if one.kind == one.POSITIONAL_ONLY else one.name)
            for (place, _), one in zip(places, named)
            if one.name not in passed
        ]
        self.key = n_positional, tuple([name for _, name in self.keywords])

    def _positional_names(self):
        names = [one.name for one in self._signature.positional][: self.n_positional]
        rest = self._signature.name_of(inspect.Parameter.VAR_POSITIONAL, "args")
        names += ["{}[{}]".format(rest, index) for index in range(self.n_positional - len(names))]
        return tuple(names)

    def values(self, args, kwargs):
        """Return the values of a call of this form."""
        return [*args, *[kwargs.get(name, default) for name, default in self._rest]]

    def by_parameter(self, values):
        """Return {parameter: value} for the whole signature, with all defaults."""
        given = dict(zip(self.names, values))
        found = {}
        for one in self._signature.parameters:
            if one.kind == one.VAR_POSITIONAL:
                found[one.name] = tuple(values[len(self._signature.positional) : self.n_positional])
            elif one.kind == one.VAR_KEYWORD:
                found[one.name] = {name: given[name] for name in self._extra}
            else:
                found[one.name] = given.get(one.name, one.default)
        return found

    def in_order(self, named):
        """Return what a mapping by the names of the parameters has for each value, `MISSING` where it has nothing.

        None where it is no such mapping.
        """
        if not set(named) <= set(self.names) | set(self._signature.names):
            return None
        nested = {}
        rest = named.get(self._signature.name_of(inspect.Parameter.VAR_POSITIONAL, None), MISSING)
        others = named.get(self._signature.name_of(inspect.Parameter.VAR_KEYWORD, None), MISSING)
        names_of_rest = self.names[len(self._signature.positional) : self.n_positional]
        if rest is None or (isinstance(rest, (list, tuple)) and len(rest) == len(names_of_rest)):
            nested.update(zip(names_of_rest, [None] * len(names_of_rest) if rest is None else rest))
        if others is None or isinstance(others, dict):
            nested.update(dict.fromkeys(self._extra) if others is None else others)
        return [named.get(name, nested.get(name, MISSING)) for name in self.names]


def form_of_names(names):
    """Return the form of a call that passes just values of these names, by position."""
    form = Form(_ANY, len(names), ())
    form.names = tuple(names)
    return form


MISSING = object()
_ANY = Signature(_takes_anything)
