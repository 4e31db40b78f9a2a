"""Whether a gradient function takes what it is called with: the op, one gradient for each output, perhaps variables.

As far as its signature tells. Knows nothing of calls.
"""

import inspect

from compat_grad.call.signature import signature_of

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def check_convention(function, where, what):
    """Raise TypeError where function cannot be called as (op, *output_grads), however many outputs there are.

    Args:
      function: a gradient function.
      where, what: how error messages call the override, and function.
    """
    takes = _Takes(function)
    if not takes.known:
        return
    if takes.most < 2:
        raise TypeError(
            "{}: {} takes {}, but is called as (op, *output_grads): the op, then the gradient of each output. Write it "
            "as (op, dy){}.".format(
                where, what, takes, "; tf.custom_gradient's convention is without the op" if takes.most == 1 else ""
            )
        )
    if takes.required_keywords:
        raise TypeError(
            "{}: {} takes {}, but is called as (op, *output_grads), without the keyword{} {}. Give a default, or set "
            "it by functools.partial.".format(
                where,
                what,
                takes,
                "s" if len(takes.required_keywords) > 1 else "",
                ", ".join(takes.required_keywords),
            )
        )


def check_call(function, n_gradients, variables, where, what):
    """Raise TypeError where function cannot be called with op, n_gradients output gradients and these variables."""
    takes = _Takes(function)
    if not takes.known:
        return
    if not takes.least <= 1 + n_gradients <= takes.most:
        raise TypeError(
            "{}: {} takes {}, but forward has {} output{}, so it is called as ({}): the op, then the gradient of each "
            "output.".format(
                where, what, takes, n_gradients, "s" if n_gradients != 1 else "", ", ".join(_names(n_gradients))
            )
        )
    if takes.requires_variables and not variables:
        raise TypeError(
            "{}: {} takes {}, but forward has captured no trainable variables, and then it is called without "
            "`variables`. Write variables=None.".format(where, what, takes)
        )


def _names(n_gradients):
    return ["op"] + (["dy"] if n_gradients == 1 else ["dy{}".format(index) for index in range(n_gradients)])


class _Takes:
    """What the signature of a gradient function tells; the keyword ``variables`` counts as no gradient.

    Attributes:
      known: whether it has a signature; the others are there only then.
      least, most: how many positional arguments it takes.
      required_keywords: the names of keywords without default.
      requires_variables: whether ``variables`` has no default.
    """

    def __init__(self, function):
        self._signature = signature_of(function)
        self.known = self._signature is not None
        if not self.known:
            return
        parameters = list(self._signature.parameters.values())
        others = [parameter for parameter in parameters if parameter.name != "variables"]
        positional = [parameter for parameter in others if parameter.kind in _POSITIONAL]
        self.least = sum(_is_required(parameter) for parameter in positional)
        unlimited = any(parameter.kind == parameter.VAR_POSITIONAL for parameter in parameters)
        self.most = float("inf") if unlimited else len(positional)
        self.required_keywords = [p.name for p in others if p.kind == p.KEYWORD_ONLY and _is_required(p)]
        self.requires_variables = any(
            parameter.name == "variables"
            and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
            and _is_required(parameter)
            for parameter in parameters
        )

    def __str__(self):
        return str(self._signature)


def _is_required(parameter):
    return parameter.default is parameter.empty
