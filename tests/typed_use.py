"""The public API in a typed program: the lint environment has mypy and pyright read this file; nothing runs it.

Lines with ``type: ignore`` and ``pyright: ignore`` are mistakes: both checkers must refuse them, or complain that there
is nothing to ignore. Numbers stand for tensors, because no environment that checks types holds a TensorFlow.
"""

import functools
from typing import Any, Callable, Optional, Tuple, Type

from typing_extensions import assert_type

import compat_grad
from compat_grad import Op, Override, override_gradient
from compat_grad.keras import OverrideGradient, layer_class
from compat_grad.testing import Modes, modes, value_and_gradients


def scale(x: float, by: int = 2) -> float:
    return x * by


def reversed_gradient(op: Op, dy: Any) -> Any:
    assert_type(op.name, str)
    return -dy * op.inputs[0]


def legacy(op: float, dy: Any) -> Any:  # whatever the op was said to be
    return dy


def with_variables(op: Op, dy: Any, variables: Any = None) -> Tuple[Any, Any]:
    return dy, [dy for _ in op.variables]


# What may be passed, and what comes out: an override that is called like its function.
reverse = override_gradient(scale, reversed_gradient, name="reverse")
assert_type(reverse(1.0, by=3), float)
also_reverse: Override[[float, int], float] = override_gradient(scale, reversed_gradient)
any_override: Override[..., Any] = reverse
bare_override: Override = reverse
like_scale: Callable[[float], float] = reverse

override_gradient(scale, lambda op, dy: -dy)(1.0)
override_gradient(scale, legacy, strategy="tape")(1.0)
override_gradient(scale, with_variables)(1.0)
override_gradient(scale, "Identity", strategy="custom_gradient")(1.0)
override_gradient(scale, {"Relu": reversed_gradient, "Sign": "Identity"}, on_unused="ignore")(1.0)
override_gradient(scale, surrogate=scale, combine="multiply", strategy="stop_gradient")(1.0)
override_gradient(functools.partial(scale, by=3), "Identity")(1.0)
override_gradient(reverse, "Identity")(1.0)


@override_gradient(backward=reversed_gradient)
def decorated(x: float, by: int = 2) -> str:
    return str(x * by)


@override_gradient(surrogate=scale, combine="multiply")
def with_surrogate(x: float, by: int = 2) -> int:
    return int(x * by)


@override_gradient(backward={"Relu": "Identity"}, on_unused="ignore")
def with_ops(x: float) -> float:
    return x


assert_type(decorated(1.0, by=3), str)
assert_type(with_surrogate(1.0), int)
assert_type(with_ops(x=1.0), float)


class Model:
    @override_gradient(backward=reversed_gradient)
    def method(self, x: float) -> float:
        return x

    @staticmethod
    @override_gradient(backward=reversed_gradient)
    def static(x: float) -> float:
        return x


assert_type(Model().method(1.0), float)
assert_type(Model.method(Model(), 1.0), float)
assert_type(Model.static(1.0), float)


def introspection() -> Tuple[str, ...]:
    assert_type(reverse.forward(1.0), float)
    assert_type(reverse.name, str)
    surrogate: Optional[Callable[..., Any]] = reverse.surrogate
    assert_type(compat_grad.honor_override_maps(scale)(1.0, by=2), float)
    assert_type(compat_grad.honor_override_maps(Model), Type[Model])
    compat_grad.honor_override_maps(3)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    strategies: compat_grad.AvailableStrategies = compat_grad.available_strategies()
    reasons = dict(strategies.unavailable)
    for strategy in strategies:
        override_gradient(scale, surrogate=scale, strategy=strategy)
    return (*strategies, *reasons, reverse.strategy, str(reverse.backward), str(surrogate))


# A layer is a class: to be asked for, to be derived from.
class Layer(OverrideGradient):
    def extra(self) -> int:
        return 1


layer: OverrideGradient = Layer(scale, surrogate=scale, combine="multiply", dtype="float32")
also_layer: OverrideGradient = OverrideGradient(reverse, name="reverse", arguments={"by": 3})
assert isinstance(layer, OverrideGradient) and issubclass(Layer, OverrideGradient)
of_ops: OverrideGradient = OverrideGradient(scale, {"Relu": "Identity"}, on_unused="ignore")
of_keras: Type[OverrideGradient] = layer_class(None)
assert_type(modes(), Modes)
of_variables: Any = value_and_gradients(scale, [1.0], mode="eager", order=2).of_variables


# What must be refused.
def mistakes() -> None:
    reverse("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    reverse(1.0, times=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    decorated()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    decorated(1.0, by="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with_surrogate([])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with_ops(y=1.0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Model().method("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Model().method(1.0, 2.0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    number: int = decorated(1.0)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    reverse.forward = scale  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    reverse.name = str(number)  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    override_gradient(3, "Identity")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    override_gradient(scale)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    override_gradient(scale, 3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    override_gradient(scale, "Identity", surrogate=scale)  # type: ignore[call-overload]  # pyright: ignore
    override_gradient(scale, "Identity", scale)  # type: ignore[call-overload]  # pyright: ignore
    override_gradient(scale, "Identity", combine="multiply")  # type: ignore[call-overload]  # pyright: ignore
    override_gradient(scale, surrogate=scale, combine="mul")  # type: ignore[call-overload]  # pyright: ignore
    override_gradient(scale, surrogate="Identity")  # type: ignore[call-overload]  # pyright: ignore
    override_gradient(scale, "Identity", strategy="fast")  # type: ignore[call-overload]  # pyright: ignore
    override_gradient(scale, "Identity", strategy="stop_gradient")  # type: ignore[call-overload]  # pyright: ignore
    override_gradient(scale, {"Relu": 3})  # type: ignore[dict-item]  # pyright: ignore
    override_gradient(scale, {1: "Identity"})  # type: ignore[dict-item]  # pyright: ignore
    override_gradient(scale, {"Relu": "Identity"}, strategy="tape")  # type: ignore[call-overload]  # pyright: ignore
    override_gradient(scale, {"Relu": "Identity"}, on_unused="warn")  # type: ignore[call-overload]  # pyright: ignore
    override_gradient(scale, "Identity", on_unused="ignore")  # type: ignore[call-overload]  # pyright: ignore
    override_gradient(backward=3)  # type: ignore[call-overload]  # pyright: ignore
    OverrideGradient(scale)  # type: ignore[call-overload]  # pyright: ignore
    OverrideGradient(scale, "Identity", on_unused="ignore")  # type: ignore[call-overload]  # pyright: ignore
    OverrideGradient(scale, 3)  # type: ignore[call-overload]  # pyright: ignore
    OverrideGradient(scale, "Identity", combine="multiply")  # type: ignore[call-overload]  # pyright: ignore
    OverrideGradient(scale, surrogate=scale, strategy="fast")  # type: ignore[call-overload]  # pyright: ignore
    override_gradient(scale, "Identity", name=3)  # type: ignore[call-overload]  # pyright: ignore
