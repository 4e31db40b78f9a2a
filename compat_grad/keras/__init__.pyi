"""The types of `compat_grad.keras`, for type checkers alone."""

from typing import Any, Callable, Literal, Mapping, overload

import tensorflow as tf

from compat_grad import Override, _Combine, _OfBackward, _OfOps, _OfSurrogate, _OnUnused, _Rule, _Rules

__all__ = ["OverrideGradient", "layer_class"]

class OverrideGradient(tf.keras.layers.Layer):
    @overload
    def __init__(
        self,
        forward: Override[..., Any],
        *,
        arguments: Mapping[str, Any] | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __init__(
        self,
        forward: Callable[..., Any],
        backward: _Rule,
        *,
        surrogate: None = None,
        combine: Literal["add"] = "add",
        strategy: _OfBackward = "auto",
        on_unused: Literal["error"] = "error",
        arguments: Mapping[str, Any] | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __init__(
        self,
        forward: Callable[..., Any],
        backward: _Rules,
        *,
        surrogate: None = None,
        combine: Literal["add"] = "add",
        strategy: _OfOps = "auto",
        on_unused: _OnUnused = "error",
        arguments: Mapping[str, Any] | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __init__(
        self,
        forward: Callable[..., Any],
        backward: None = None,
        *,
        surrogate: Callable[..., Any],
        combine: _Combine = "add",
        strategy: _OfSurrogate = "auto",
        on_unused: Literal["error"] = "error",
        arguments: Mapping[str, Any] | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def get_config(self) -> Any: ...

def layer_class(keras: Any) -> type[OverrideGradient]: ...
