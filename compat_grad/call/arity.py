"""Whether a gradient function takes what it is called with: the op, one gradient for each output, perhaps variables.

As far as its signature tells. Knows nothing of calls.
"""

import inspect

from compat_grad.call.signature import signature_of

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _names(n_gradients):
    return ["op"] + (["dy"] if n_gradients == 1 else ["dy{}".format(index) for index in range(n_gradients)])


class Takes:
    """What the signature of a gradient function tells; the keyword ``variables`` counts as no gradient.

    Attributes:
      variables: whether it may be called with a keyword ``variables``.
    """

    def __init__(self, function):
        self._signature = signature_of(function)
        self._known = self._signature is not None  # the others are there only then
        self.variables = False
        if not self._known:
            return
        parameters = list(self._signature.parameters.values())
        others = [parameter for parameter in parameters if parameter.name != "variables"]
        positional = [parameter for parameter in others if parameter.kind in _POSITIONAL]
        self._least = sum(_is_required(parameter) for parameter in positional)
        unlimited = any(parameter.kind == parameter.VAR_POSITIONAL for parameter in parameters)
        self._most = float("inf") if unlimited else len(positional)
        self._required_keywords = [p.name for p in others if p.kind == p.KEYWORD_ONLY and _is_required(p)]
        self.variables = any(p.name == "variables" or p.kind == p.VAR_KEYWORD for p in parameters)
        self._requires_variables = any(
            parameter.name == "variables"
            and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
            and _is_required(parameter)
            for parameter in parameters
        )

    def check_convention(self, where, what):
        """Raise TypeError where the function cannot be called as (op, *output_grads), however many outputs there are.

        Args:
          where, what: how error messages call the override, and the function.
        """
        if not self._known:
            return
        if self._most < 2:
            raise TypeError(
                "{}: {} takes {}, but is called as (op, *output_grads): the op, then the gradient of each output. "
                "Write it as (op, dy){}.".format(
                    where,
                    what,
                    self._signature,
                    "; tf.custom_gradient's convention is without the op" if self._most == 1 else "",
                )
            )
        if self._required_keywords:
            raise TypeError(
                "{}: {} takes {}, but is called as (op, *output_grads), without the keyword{} {}. Give a default, or "
                "set it by functools.partial.".format(
                    where,
                    what,
                    self._signature,
                    "s" if len(self._required_keywords) > 1 else "",
                    ", ".join(self._required_keywords),
                )
            )

    def check_call(self, n_gradients, variables, where, what):
        """Raise TypeError where it cannot be called with op, n_gradients output gradients and these variables."""
        if not self._known:
            return
        if not self._least <= 1 + n_gradients <= self._most:
            raise TypeError(
                "{}: {} takes {}, but forward has {} output{}, so it is called as ({}): the op, then the gradient of "
                "each output.".format(
                    where,
                    what,
                    self._signature,
                    n_gradients,
                    "s" if n_gradients != 1 else "",
                    ", ".join(_names(n_gradients)),
                )
            )
        if self._requires_variables and not variables:
            raise TypeError(
                "{}: {} takes {}, but forward has captured no trainable variables, and then it is called without "
                "`variables`. Write variables=None.".format(where, what, self._signature)
            )


def _is_required(parameter):
    return parameter.default is parameter.empty
