"""The types of the public API, for type checkers alone: in a stub, so that the code still runs on Python 3.6."""

from os import PathLike
from typing import (
    Any,
    Callable,
    ContextManager,
    Generic,
    Literal,
    Mapping,
    Protocol,
    Sequence,
    TypeVar,
    overload,
)

from typing_extensions import Concatenate, ParamSpec

__version__: str

def _has_tensorflow() -> bool: ...

__all__ = [
    "AvailableStrategies",
    "Op",
    "Override",
    "available_strategies",
    "honor_override_maps",
    "override_gradient",
    "recall_gradients",
    "strict_saving",
]

_P = ParamSpec("_P")
_Q = ParamSpec("_Q")
_R = TypeVar("_R")
_R_co = TypeVar("_R_co", covariant=True)
_S = TypeVar("_S")
_Legacy = TypeVar("_Legacy", bound=Callable[..., Any])

# No more of its parameters: a legacy gradient function may say that its op is a tf.Operation, and mypy cannot infer the
# types of a lambda for a Concatenate.
_Rule = Callable[..., Any] | str
_Rules = Mapping[str, _Rule]
_Combine = Literal["add", "multiply"]
_OfBackward = Literal["auto", "gradient_override_map", "tape", "custom_gradient"]
_OfOps = Literal["auto", "gradient_override_map"]
_Strategy = Literal["gradient_override_map", "tape", "custom_gradient", "stop_gradient"]
_OfSurrogate = Literal["auto", "gradient_override_map", "tape", "custom_gradient", "stop_gradient"]
_OnUnused = Literal["error", "ignore"]

class Op(Protocol):
    """What a backward is handed first: a protocol, so that a test may hand it something of its own."""

    @property
    def inputs(self) -> Sequence[Any]: ...
    @property
    def outputs(self) -> Sequence[Any]: ...
    @property
    def variables(self) -> Sequence[Any]: ...
    @property
    def arguments(self) -> Mapping[str, Any]: ...
    @property
    def args(self) -> tuple[Any, ...]: ...
    @property
    def kwargs(self) -> Mapping[str, Any]: ...
    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def self(self) -> Any: ...
    def native_gradient(self, *output_grads: Any) -> Any: ...
    def get_attr(self, name: str) -> Any: ...

class Override(Generic[_P, _R_co]):
    __name__: str
    __qualname__: str
    @property
    def forward(self) -> Callable[_P, _R_co]: ...
    @property
    def backward(self) -> _Rule | _Rules | None: ...
    @property
    def surrogate(self) -> Callable[..., Any] | None: ...
    @property
    def combine(self) -> _Combine: ...
    @property
    def strategy(self) -> _OfSurrogate: ...
    @property
    def name(self) -> str: ...
    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R_co: ...
    def get_config(self) -> Mapping[str, Any]: ...
    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Override[..., Any]: ...
    @overload
    def __get__(self, instance: None, owner: Any = None) -> Override[_P, _R_co]: ...
    @overload
    def __get__(self: Override[Concatenate[_S, _Q], _R], instance: _S, owner: Any = None) -> Callable[_Q, _R]: ...
    @overload  # a static method's: checkers bind what @staticmethod holds
    def __get__(self, instance: Any, owner: Any = None) -> Override[_P, _R_co]: ...

class _Decorator(Protocol):
    def __call__(self, __forward: Callable[_P, _R]) -> Override[_P, _R]: ...

@overload
def override_gradient(
    forward: Callable[_P, _R],
    backward: _Rule,
    *,
    surrogate: None = None,
    combine: Literal["add"] = "add",
    strategy: _OfBackward = "auto",
    name: str | None = None,
    on_unused: Literal["error"] = "error",
) -> Override[_P, _R]: ...
@overload
def override_gradient(
    forward: Callable[_P, _R],
    backward: _Rules,
    *,
    surrogate: None = None,
    combine: Literal["add"] = "add",
    strategy: _OfOps = "auto",
    name: str | None = None,
    on_unused: _OnUnused = "error",
) -> Override[_P, _R]: ...
@overload
def override_gradient(
    forward: Callable[_P, _R],
    backward: None = None,
    *,
    surrogate: Callable[..., Any],
    combine: _Combine = "add",
    strategy: _OfSurrogate = "auto",
    name: str | None = None,
    on_unused: Literal["error"] = "error",
) -> Override[_P, _R]: ...
@overload
def override_gradient(
    forward: None = None,
    *,
    backward: _Rule,
    surrogate: None = None,
    combine: Literal["add"] = "add",
    strategy: _OfBackward = "auto",
    name: str | None = None,
    on_unused: Literal["error"] = "error",
) -> _Decorator: ...
@overload
def override_gradient(
    forward: None = None,
    *,
    backward: _Rules,
    surrogate: None = None,
    combine: Literal["add"] = "add",
    strategy: _OfOps = "auto",
    name: str | None = None,
    on_unused: _OnUnused = "error",
) -> _Decorator: ...
@overload
def override_gradient(
    forward: None = None,
    backward: None = None,
    *,
    surrogate: Callable[..., Any],
    combine: _Combine = "add",
    strategy: _OfSurrogate = "auto",
    name: str | None = None,
    on_unused: Literal["error"] = "error",
) -> _Decorator: ...

class AvailableStrategies(tuple[_Strategy, ...]):
    @property
    def unavailable(self) -> Mapping[str, str]: ...

def honor_override_maps(legacy: _Legacy) -> _Legacy: ...
def available_strategies() -> AvailableStrategies: ...
def strict_saving() -> ContextManager[None]: ...
def recall_gradients(path: str | PathLike[str]) -> int: ...
