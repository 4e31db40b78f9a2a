"""Lifting: an override called on Keras symbolic tensors becomes a layer of the functional model being built.

Without it Keras would record forward's ops one by one and lose the override without a word (TensorFlow 2.0 to 2.15),
or refuse its outputs. The only thing that the rest of the library knows of Keras is `asked_for` and `lift`.
"""

import weakref

from compat_grad import _keras, _tf
from compat_grad.keras_call import LayerCall, Slot

_lifted = weakref.WeakKeyDictionary()  # override -> {call: weak reference to its layer}


def asked_for(override, leaves, mode):
    """Whether a call outside of any Keras layer has Keras symbolic tensors among the leaves of its arguments.

    Raises:
      TypeError: in eager mode, an argument belongs to some other graph.
    """
    tensors = [leaf for leaf in leaves if _stands_for_later(leaf)]
    symbolic = [tensor for tensor in tensors if _keras.is_symbolic(tensor)]
    if mode is _tf.EAGER and len(symbolic) < len(tensors):
        (stranger, *_) = [tensor for tensor in tensors if not _keras.is_symbolic(tensor)]
        raise TypeError(
            "{}: called eagerly on {!r}, a tensor of a graph that is not being built. Call it inside the function or "
            "the `with graph.as_default():` that the tensor comes from.".format(override._title, stranger)
        )
    if not symbolic:
        return False
    if mode is _tf.EAGER or _tf.is_keras_tensor_type(type(symbolic[0])):
        return True
    # A graph keeps the override without a layer too; what it lacks is a model that can be made, cloned and saved.
    return _keras.counts_wrapped_layers(symbolic[0]) and not _keras.in_layer_call(symbolic[0])


def _stands_for_later(leaf):
    cls = type(leaf)
    if _tf.is_keras_tensor_type(cls) or hasattr(leaf, "_keras_history"):
        return True
    return _tf.is_tensor_type(cls) and not _tf.is_eager_tensor_type(cls)


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
        if _keras.is_symbolic(leaf):
            inputs.append(leaf)
            return Slot(len(inputs) - 1)
        if _tf.is_variable_type(type(leaf)) and leaf.trainable:
            raise ValueError(
                "{}: the trainable variable {!r} is an argument beside a Keras symbolic tensor. The Keras model would "
                "not know of it: neither train nor save it. Call the override in the call of a layer of your own that "
                "has the variable.".format(override._title, leaf.name)
            )
        return leaf

    args, kwargs = _tf.nest.map_structure(take, (list(args), dict(kwargs)))
    layer = _layer_for(LayerCall(override, own, args, kwargs), _keras.keras_of(inputs[0]))
    return layer(inputs if len(inputs) > 1 else inputs[0])


def _layer_for(call, keras):
    """Return the layer that makes this call; the one that made it before, where it has weights to share."""
    from compat_grad.keras_layer import layer_class  # which needs `Override`, which needs us

    known = _lifted.setdefault(call.override, {})
    layer = known.get((keras.__name__, call.key()), lambda: None)()
    if layer is None or not layer.weights:
        layer = layer_class(keras)(call.override, arguments=call)
        layer.never_cast_inputs()
        known[keras.__name__, call.key()] = weakref.ref(layer)
    return layer
