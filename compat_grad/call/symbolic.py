"""The door to the wing `compat_grad.keras`, opened only for what Keras has a part in.

Calls on Keras symbolic tensors are recognised here, without Keras.
Knows nothing of layers beyond what a symbolic tensor tells of the one that it comes from.
"""

import inspect
import sys

from compat_grad import _tf
from compat_grad._tf import tf


def asks_for_layer(title, leaves, mode):
    """Whether a call outside of any Keras layer has Keras symbolic tensors among the leaves of its arguments.

    Raises:
      TypeError: in eager mode, an argument belongs to some other graph.
    """
    tensors = [leaf for leaf in leaves if _stands_for_later(leaf)]
    symbolic = [tensor for tensor in tensors if is_symbolic(tensor)]
    if mode is _tf.EAGER and len(symbolic) < len(tensors):
        (stranger, *_) = [tensor for tensor in tensors if not is_symbolic(tensor)]
        raise TypeError(
            "{}: called eagerly on {!r}, a tensor of a graph that is not being built. Call it inside the function or "
            "the `with graph.as_default():` that the tensor comes from.".format(title, stranger)
        )
    if not symbolic:
        return False
    if mode is _tf.EAGER or _tf.is_keras_tensor_type(type(symbolic[0])):
        return True
    # A graph keeps the override without a layer too; what it lacks is a model that can be made, cloned and saved.
    return _counts_wrapped_layers(symbolic[0]) and not _in_layer_call(symbolic[0])


def lift(override, own, args, kwargs):
    """Call override as a layer of the model being built, see `compat_grad.keras.lifting.lift`."""
    from compat_grad.keras import lifting  # which imports Keras, and needs `Override`

    return lifting.lift(override, own, args, kwargs)


def in_stateless_scope():
    """Whether Keras 3's variables have other values here than their own: in a ``keras.StatelessScope``."""
    module = sys.modules.get("keras.src.backend.common.stateless_scope")  # Keras tells it nowhere in public
    ask = getattr(module, "in_stateless_scope", None)
    return ask is not None and ask()


def config_of(override):
    """Return the config of an override that Keras has as a function, see `compat_grad.keras.functions`."""
    from compat_grad.keras import functions

    return functions.config_of(override)


def check_name_alone(override):
    """Check what is read of override by a Keras that writes a function by its ``__name__`` alone (to 1.14)."""
    asking = sys._getframe(2)
    of_activations = str(asking.f_globals.get("__name__")).endswith("keras.activations")
    code = asking.f_code
    if of_activations and code.co_name == "serialize" and "serialize_keras_object" not in code.co_names:
        from compat_grad.keras import functions

        functions.check_name_alone(override, asking.f_globals)


def from_config(config):
    """Return the override whose config this is, see `compat_grad.keras.functions`."""
    from compat_grad.keras import functions

    return functions.from_config(config)


def _stands_for_later(leaf):
    cls = type(leaf)
    if _tf.is_keras_tensor_type(cls) or hasattr(leaf, "_keras_history"):
        return True
    return _tf.is_tensor_type(cls) and not _tf.is_eager_tensor_type(cls)


def is_symbolic(value):
    """Whether value stands for a Keras layer's output, or is computed from such in Keras' own graph."""
    cls = type(value)
    if _tf.is_keras_tensor_type(cls) or hasattr(value, "_keras_history"):
        return True
    return _is_in_keras_graph(value)


def _is_in_keras_graph(value):
    """Whether value is a tensor in the graph that eager Keras builds functional models in, before KerasTensor (2.4)."""
    cls = type(value)
    if not _tf.is_tensor_type(cls) or _tf.is_eager_tensor_type(cls):
        return False
    return getattr(value.graph, "name", None) == "keras_graph"


def layer_base(symbolic):
    """Return Keras' base class of the layer that a graph tensor comes from."""
    if not hasattr(symbolic, "_keras_history"):
        return tf.keras.layers.Layer  # an op of TensorFlow in Keras' own graph
    layer = symbolic._keras_history[0]
    return [cls for cls in type(layer).__mro__ if cls.__name__ == "Layer"][-1]


def _in_layer_call(symbolic):
    """Whether we are inside the call of a layer: graph-mode Keras hands it the very tensors of the outside."""
    if not hasattr(symbolic, "_keras_history"):
        return False  # pragma: no cover (2.0 to 2.3: of Keras' own graph, in another one, which TensorFlow refuses)
    bases = [cls for cls in type(symbolic._keras_history[0]).__mro__ if cls.__name__ == "Layer"]
    codes = {inspect.unwrap(cls.__call__).__code__ for cls in bases}
    frame = sys._getframe(1)  # 1.13 keeps no record of the layers being called; the stack does, in every version
    while frame is not None:
        if frame.f_code in codes:
            return True
        frame = frame.f_back
    return False


def _counts_wrapped_layers(symbolic):
    """Whether a layer of this graph-mode Keras counts the weights of layers that it holds (from 1.13 on)."""
    return hasattr(layer_base(symbolic), "_gather_children_attribute")
