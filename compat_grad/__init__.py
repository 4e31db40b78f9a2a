"""Give a whole TensorFlow subgraph the gradient you want: one call, TensorFlow 1 and 2, every mode.

>>> import tensorflow as tf
>>> from compat_grad import override_gradient
>>> reverse = override_gradient(tf.identity, lambda op, dy: -dy)
"""

from compat_grad.override import Override, override_gradient
from compat_grad.strategies import AvailableStrategies, available_strategies

__version__ = "0.1.0"
__all__ = ["AvailableStrategies", "Override", "available_strategies", "override_gradient"]
