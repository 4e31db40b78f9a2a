"""A map on what `+` was when the program was written."""

from compat_grad import override_gradient


def to_the_first(op, grad):
    return 2.0 * grad, 0.0 * grad


@override_gradient(backward={"Add": to_the_first, "AddV2": to_the_first}, on_unused="ignore")
def combine_overridden(x, y):
    total = x + y
    return total


def combine(x, y):
    total = combine_overridden(x, y)
    return total


def program(x, y):
    return combine(x, y) * x


INPUTS = [[0.5, -1.5, 1.0], [2.0, 3.0, 4.0]]


def value(x, y):
    return (x + y) * x


def gradients(dy, x, y):
    return [2.0 * dy * x + dy * (x + y), 0.0 * dy]
