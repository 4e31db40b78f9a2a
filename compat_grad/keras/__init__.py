"""Overrides as Keras layers. Importing this module imports Keras; `import compat_grad` does not.

`OverrideGradient` is a layer of the Keras that ``tf.keras`` is: Keras 2 up to TensorFlow 2.15, Keras 3 from 2.16 on
(Keras 2 there with ``TF_USE_LEGACY_KERAS=1``). For another one beside it, ``layer_class(tf_keras)`` is the same class
over that one's Layer.

The other rooms: `lifting` (a call on symbolic tensors becomes a layer), `config` (an override as a file may hold it),
`functions` (overrides where Keras takes a function), `seam` (what differs between Kerases). They promise that a model
trains, clones and saves with its overrides, and must know nothing of strategies or of how a call connects its outputs.
"""

from compat_grad._tf import tf
from compat_grad.keras.layer import layer_class

OverrideGradient = layer_class(tf.keras) if hasattr(tf, "keras") else None  # TensorFlow has one from 1.4 on

__all__ = ["OverrideGradient", "layer_class"]
