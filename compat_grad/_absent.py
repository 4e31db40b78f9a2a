"""What stands in for the library where TensorFlow is not installed: the same names, which say what is missing."""

from typing import Any


def _missing(*args: Any, **kwargs: Any) -> Any:
    raise ImportError("compat_grad works with the TensorFlow that you have, and there is none: pip install tensorflow")


override_gradient = honor_override_maps = available_strategies = recall_gradients = strict_saving = _missing
Op = Override = AvailableStrategies = _missing
