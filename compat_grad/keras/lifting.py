"""Lifting: an override called on Keras symbolic tensors becomes a layer of the functional model being built.

Without it Keras would record forward's ops one by one and lose the override without a word (TensorFlow 2.0 to 2.15),
or refuse its outputs. `compat_grad.call.symbolic` is the door through which calls come here.
"""

import weakref

from compat_grad import _tf
from compat_grad.call import structure
from compat_grad.call.symbolic import is_symbolic
from compat_grad.keras import seam
from compat_grad.keras.call import LayerCall, Slot
from compat_grad.keras.config import has_weights
from compat_grad.keras.layer import layer_class

_lifted = weakref.WeakKeyDictionary()  # override of a layer or module -> {call: layer}, all weak


def lift(override, own, args, kwargs):
    """Call override, as a layer, on the symbolic tensors among its arguments; return what the layer returns.

    Args:
      override: an `Override`.
      own: a method's self, in a tuple.
      args, kwargs: its arguments: nested structures, with one symbolic tensor at least.

    Raises:
      ValueError: forward, or an argument, is a trainable variable that the model would not know of.
    """
    inputs = []

    def take(leaf):
        if is_symbolic(leaf):
            inputs.append(leaf)
            return Slot(len(inputs) - 1)
        if _tf.is_variable_type(type(leaf)) and leaf.trainable:
            raise ValueError(
                "{}: the trainable variable {!r} is an argument beside a Keras symbolic tensor. The Keras model would "
                "not know of it: neither train nor save it. Call the override in the call of a layer of your own that "
                "has the variable, and pass it there.".format(override._title, leaf.name)
            )
        return leaf

    args, kwargs = structure.map_leaves(take, (list(args), dict(kwargs)))
    layer = _layer_for(LayerCall(override, own, args, kwargs), seam.keras_of(inputs[0]))
    return layer(inputs if len(inputs) > 1 else inputs[0])


def _layer_for(call, keras):
    """Return the layer that makes this call; the one that made it before, where it has weights to share."""
    known = _lifted.setdefault(call.override, weakref.WeakValueDictionary())
    key = keras.__name__, call.key()
    layer = known.get(key)
    if layer is None:
        layer = layer_class(keras)(call.override, arguments=call)
        layer.never_cast_inputs()
        if has_weights(call.override, keras):
            known[key] = layer
    return layer
