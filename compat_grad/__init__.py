"""Give a whole TensorFlow subgraph the gradient you want: one call, TensorFlow 1 and 2, every mode.

>>> import tensorflow as tf
>>> from compat_grad import override_gradient
>>> reverse = override_gradient(tf.identity, lambda op, dy: -dy)
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

try:
    import tensorflow as _tensorflow
except ImportError as error:
    if error.name != "tensorflow":
        raise  # it is installed, and broken
    _tensorflow = None  # whoever only asks for the version, or runs `python -m compat_grad`, still gets an answer

if TYPE_CHECKING or _tensorflow is not None:
    from compat_grad.override import Override, override_gradient
    from compat_grad.strategies import AvailableStrategies, available_strategies
else:
    from compat_grad.absent import AvailableStrategies, Override, available_strategies, override_gradient

__all__ = ["AvailableStrategies", "Override", "available_strategies", "override_gradient"]
