"""Which strategies there are, which can be had in which mode, and which is picked."""

import collections
from typing import Dict, Iterable, Tuple

from compat_grad import _tf
from compat_grad.strategies import custom_gradient, graph, stop_gradient, tape


def _lacks_graph_override():
    if not _tf.has_identity_n():
        return "this TensorFlow has no op that passes several tensors through (IdentityN, or a Defun before 1.4)"
    if _tf.record_operation is None and _tf.GradientTape is not None and _tf.current_mode() is not _tf.GRAPH:
        return "this TensorFlow's tape recorder cannot be reached, and tapes inside functions know no override map"
    return None


def _lacks_tape():
    if not _tf.executing_eagerly():
        return "it works in eager mode only: tf.gradients and tapes around a function see nothing of a tape's record"
    if _tf.record_operation is None:
        return "this TensorFlow's tape recorder cannot be reached"
    return None


def _lacks_custom_gradient():
    return None if _tf.custom_gradient else "this TensorFlow has no tf.custom_gradient (it came with 1.7)"


Strategy = collections.namedtuple("Strategy", "name connect lacks in_eager in_graphs")
Strategy.__doc__ = """One way to connect.

name: as the user says it; connect: (outputs, inputs, vjp) -> tied outputs; lacks: () -> why it cannot be had here, or
None; in_eager, in_graphs: whether connect itself works in that mode (without in_eager, the call is traced first).
"""

#: In the order of preference.
STRATEGIES = collections.OrderedDict(
    (strategy.name, strategy)
    for strategy in (
        Strategy("tape", tape.connect, _lacks_tape, True, False),
        Strategy("gradient_override_map", graph.connect, _lacks_graph_override, False, True),
        Strategy("custom_gradient", custom_gradient.connect, _lacks_custom_gradient, True, True),
        Strategy("stop_gradient", stop_gradient.connect, lambda: None, True, True),
    )
)


class AvailableStrategies(Tuple[str, ...]):
    """The names of the strategies that can be had, the preferred one first.

    Attributes:
      unavailable: dict from each other strategy's name to the reason why it cannot be had here.
    """

    unavailable: Dict[str, str]

    def __new__(cls, names: Iterable[str], unavailable: Dict[str, str]) -> "AvailableStrategies":
        self = super().__new__(cls, names)
        self.unavailable = unavailable
        return self

    def __getnewargs__(self):
        return tuple(self), self.unavailable


@_tf.not_converted
def available_strategies() -> "AvailableStrategies":
    """Tell which strategies can be had in the current mode (eager, or the graph being built).

    Returns:
      An `AvailableStrategies`: a tuple of names, the one that "auto" picks for a ``backward`` first ("stop_gradient"
      expresses surrogates only), with the reasons why the others cannot be had in its attribute ``unavailable``.

    >>> "stop_gradient" in available_strategies()
    True
    """
    reasons = collections.OrderedDict((name, strategy.lacks()) for name, strategy in STRATEGIES.items())
    names = [name for name, reason in reasons.items() if reason is None]
    eager = _tf.executing_eagerly()
    names.sort(key=lambda name: not (STRATEGIES[name].in_eager if eager else STRATEGIES[name].in_graphs))
    return AvailableStrategies(names, {name: reason for name, reason in reasons.items() if reason is not None})


def pick_strategy(forced, title, surrogate):
    """Return the Strategy to use in the current mode.

    Args:
      forced: a strategy's name, or "auto".
      title: how error messages call the override.
      surrogate: whether the override has a surrogate, which alone the stop_gradient trick can express.

    Raises:
      ValueError: the strategy, or with "auto" every one that could express the override, cannot be had here.
    """
    if forced != "auto":
        reason = STRATEGIES[forced].lacks()
        if reason is None:
            return STRATEGIES[forced]
        raise ValueError(
            "{}: strategy {!r} cannot be had here: {}. Available: {}; or leave strategy='auto'.".format(
                title, forced, reason, ", ".join(available_strategies())
            )
        )
    eager = _tf.executing_eagerly()
    for strategy in STRATEGIES.values():
        fits = (strategy.in_eager if eager else strategy.in_graphs) and (surrogate or strategy.name != "stop_gradient")
        if fits and strategy.lacks() is None:
            return strategy
    raise ValueError(
        "{}: no strategy can be had here: {}.".format(
            title, "; ".join("{}: {}".format(*item) for item in available_strategies().unavailable.items())
        )
    )
