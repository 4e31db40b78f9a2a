"""The public API in a typed program: the lint environment has mypy read this file strictly; nothing runs it."""

from typing import Any, Tuple

import compat_grad


def forward(x: Any) -> Any:
    return x


def reversed_gradient(op: Any, dy: Any) -> Any:
    return -dy


reverse: compat_grad.Override = compat_grad.override_gradient(forward, reversed_gradient, name="reverse")
by_name: compat_grad.Override = compat_grad.override_gradient(forward, "Identity", strategy="tape")
of_ops: compat_grad.Override = compat_grad.override_gradient(forward, {"Relu": reversed_gradient, "Sign": "Identity"})
straight_through: compat_grad.Override = compat_grad.override_gradient(forward, surrogate=forward, combine="add")


@compat_grad.override_gradient(backward=reversed_gradient)
def decorated(x: Any) -> Any:
    return x


def main() -> Tuple[str, ...]:
    reverse(1.0)
    decorated(x=1.0)
    strategies: compat_grad.AvailableStrategies = compat_grad.available_strategies()
    reasons: dict[str, str] = strategies.unavailable
    return strategies + tuple(reasons)
