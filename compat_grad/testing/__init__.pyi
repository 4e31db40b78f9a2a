"""The types of the public names, for type checkers alone."""

import unittest
from typing import Any, Callable, ContextManager, Iterable, Literal, Mapping, Sequence

__all__ = [
    "Family",
    "Modes",
    "NotInThisTensorFlow",
    "as_variable",
    "assert_gradient",
    "assert_matches_numeric",
    "assert_modes_agree",
    "assert_overridden",
    "assert_surrogate",
    "forbid_silent_overrides",
    "made_by",
    "modes",
    "value_and_gradients",
]

_Function = Callable[..., Any]
_Modes = str | Iterable[str] | None
_Order = Literal[1, 2]

class NotInThisTensorFlow(unittest.SkipTest): ...

class Modes(tuple[str, ...]):
    default: tuple[str, ...]
    unavailable: Mapping[str, str]

class ValueAndGradients(tuple[Any, ...]):
    of_variables: Sequence[Any]
    second_of_variables: Sequence[Any] | None

class Family:
    name: str
    def __init__(self, name: str) -> None: ...
    def case(self, name: str, **definition: Any) -> None: ...

def as_variable(value: Any) -> Any: ...
def made_by(make: Callable[[], _Function]) -> _Function: ...
def modes() -> Modes: ...
def value_and_gradients(
    function: _Function, inputs: Any, output_gradients: Any = None, mode: str | None = None, order: _Order = 1
) -> ValueAndGradients: ...
def assert_modes_agree(
    function: _Function,
    inputs: Any,
    ulps: int = 0,
    order: _Order = 2,
    modes: _Modes = None,
    linear: bool = True,
    allow_none: bool = False,
    tolerance: float = 64,
) -> None: ...
def assert_gradient(
    function: _Function,
    inputs: Any,
    expected: Any,
    output_gradients: Any = None,
    order: _Order = 1,
    modes: _Modes = None,
    tolerance: float = 4,
) -> None: ...
def assert_matches_numeric(
    function: _Function,
    inputs: Any,
    order: _Order = 1,
    modes: _Modes = None,
    dtype: Any = "float64",
    tolerance: float = 1e-6,
    step: float = ...,
) -> None: ...
def assert_surrogate(
    function: _Function,
    surrogate: _Function,
    inputs: Any,
    ulps: int = 0,
    order: _Order = 2,
    modes: _Modes = None,
) -> None: ...
def assert_overridden(
    function: _Function, inputs: Any, native: _Function | None = None, modes: _Modes = None
) -> None: ...
def forbid_silent_overrides() -> ContextManager[None]: ...
