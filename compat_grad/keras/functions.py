"""An override where Keras takes a function: an activation, initializer, constraint, regularizer, quantizer or loss.

Keras asks it for its config when a model is saved or cloned, and `Override` to make it again. (What has no config Keras
2 writes by its name, and reads by that name: an override of tf.nn.relu would come back as Keras' own relu, with the
native gradient.) In a file stands what can be found again by name; in memory a token stands for the override itself.
Knows nothing of layers.
"""

import uuid
import weakref

from compat_grad.keras import config as keras_config
from compat_grad.keras import form, seam
from compat_grad.override import Override

_overrides = weakref.WeakValueDictionary()  # token -> override
_tokens = weakref.WeakKeyDictionary()  # override -> its token, random, since a forked process goes on with its own
_registered = set()  # the Layer classes of the Kerases that know `Override`


def register(keras):
    """Have keras find `Override` when it loads or clones a model."""
    base = keras.layers.Layer
    if base not in _registered:
        _registered.add(base)
        seam.register(keras, Override, "Override")


def config_of(override):
    """Return the config of an `Override` for the Keras that asks.

    Raises:
      TypeError: it has weights, which the layer that uses the function would not know of; or a file is being written
        and the override has no name to find it by.
    """
    keras = seam.asking()
    register(keras)
    _check_has_no_weights(override, keras)
    described = keras_config.describe_override(override, keras)
    unnamed = keras_config.unnamed_in(described)
    if seam.at_a_file():
        keras_config.check_at_a_file(described)
        return {"override": described}
    token = _tokens.setdefault(override, uuid.uuid4().hex)
    _overrides[token] = override
    return {"override": {"here": token, "described": None if unnamed else described}}


def _check_has_no_weights(override, keras):
    if keras_config.has_weights(override, keras):
        raise TypeError(
            "{}: has the weights of a layer or tf.Module, which a Keras layer that it is the activation of "
            "neither trains nor saves nor clones. Make a layer of it: OverrideGradient(override) of "
            "compat_grad.keras.".format(override._title)
        )


def check_name_alone(override, activations):
    """Check an activation that Keras is about to write, where that does not ask for its config (to 1.14).

    Args:
      override: the `Override`.
      activations: the names that Keras will look the name up in, and what they stand for.

    Raises:
      TypeError: it has weights; or Keras has a function of its own under this name.
    """
    _check_has_no_weights(override, seam.asking())
    if override.name in activations:
        raise TypeError(
            "{}: this Keras (that of TensorFlow 1.15 and later does not) writes an activation by its name alone, and "
            "would read its own {!r}, with the native gradient. Give the override a name that Keras has not, "
            "override_gradient(..., name=...), and load or clone the model in a "
            "keras.utils.CustomObjectScope({{name: override}}).".format(override._title, override.name)
        )


def from_config(config):
    """Return the `Override` whose config this is.

    Raises:
      ValueError: it cannot be found by its name, or must not be (Keras' safe mode).
    """
    if (
        not isinstance(config, dict) or "override" not in config
    ):  # Keras 2 takes the traced layer from the SavedModel then
        raise ValueError("compat_grad: this model was saved with an override that has no name to find it by.")
    described = config["override"]
    if isinstance(described, dict) and "here" in described:
        form.check_token(described)
        found = _overrides.get(described["here"])
        if found is not None:
            return found
        described = described["described"]
        if described is None:
            raise ValueError(
                "compat_grad: this config was made in memory, of an override without a name to find it by, and that "
                "override is gone. Define its functions with `def` at the top level of a module."
            )
    return keras_config.restore_override(described, seam.asking())
