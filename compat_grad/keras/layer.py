"""The layer that holds an override, made once for each Keras: in-TensorFlow Keras 2, Keras 3, tf_keras.

The layer calls the override, lets Keras count a wrapped layer's weights among its own, and refuses weights that Keras
could not know of. How an override comes to be in it (by name, or lifted from a call) is no matter of its own.
"""

from compat_grad import _tf
from compat_grad.call.forward import flatten_outputs
from compat_grad.call.variables import call_and_watch
from compat_grad.keras import config as keras_config
from compat_grad.keras import form, functions, seam
from compat_grad.keras.call import LayerCall, Slot
from compat_grad.override import Override, override_gradient

_classes = {}  # a Keras' Layer -> its OverrideGradient; as many entries as there are Kerases in the process


def layer_class(keras):
    """Return the `OverrideGradient` whose base is ``keras.layers.Layer``.

    Args:
      keras: a Keras module: ``tf.keras``, ``keras``, ``tf_keras``.

    Raises:
      ValueError: this Keras computes with another backend than TensorFlow.
    """
    keras = seam.as_tensorflow_has_it(keras)
    base = keras.layers.Layer
    if base not in _classes:
        if not seam.computes_with_tensorflow(keras):
            raise ValueError(
                "OverrideGradient: this Keras computes with {}, which knows nothing of TensorFlow's gradients. Set "
                "KERAS_BACKEND=tensorflow before Keras is imported.".format(keras.backend.backend())
            )
        cls = type("OverrideGradient", (_OverrideGradient, base), {"__doc__": _DOC, "_keras": keras})
        cls.__module__ = "compat_grad.keras"
        if seam.is_keras_3(base):
            # by tracing; what Keras 3 makes of compute_output_shape has the layer's dtype, whatever forward returns
            cls.compute_output_spec = keras.Operation.compute_output_spec
        _classes[base] = seam.register(keras, cls, "OverrideGradient")
        functions.register(keras)
    return _classes[base]


_DOC = """A Keras layer with a gradient of your own.

    Args:
      forward: a function of the layer's input: a tensor of any shape and dtype, or the list or dict of tensors that
        the layer is called on; its result, any structure of tensors, is the layer's. A parameter named ``training`` or
        ``mask`` gets what Keras hands to layers. Or a layer; or an `Override`, which brings the next four with it.
      backward, surrogate, combine, strategy, on_unused: as in `override_gradient`.
      arguments: dict of further keyword arguments of forward.
      name: of the layer and of the override; forward's name by default.
      kwargs: what every Keras layer takes (dtype, trainable).

    Raises:
      TypeError, ValueError: as `override_gradient`; and, at the first call, where forward reads trainable variables
        other than the weights of a layer or tf.Module that is forward or surrogate themselves.

    The layer casts its inputs like any layer of its dtype policy, and passes the (first) input's mask on. It is saved
    with a model where forward, backward and surrogate have names to find them by: overrides and functions at the top
    level of a module, or registered with Keras. Import `compat_grad.keras` before loading such a model.

    >>> import tensorflow as tf
    >>> reverse = OverrideGradient(tf.identity, lambda op, dy: -dy, name="reverse")
    >>> reverse.name
    'reverse'
    """


class _OverrideGradient:
    def __init__(
        self,
        forward,
        backward=None,
        *,
        surrogate=None,
        combine="add",
        strategy="auto",
        on_unused="error",
        arguments=None,
        name=None,
        **kwargs,
    ):
        call = arguments
        if not isinstance(arguments, LayerCall):
            override = _override_of(forward, backward, surrogate, combine, strategy, name, on_unused)
            call = LayerCall(override, (), (Slot(None),), dict(arguments or {}))
        super().__init__(name=name or seam.unique_name(self._keras, call.override.name), **kwargs)
        self.supports_masking = True
        self._layer_call = call
        self._verified = False
        self._own_weights_of(call.holders())

    def _own_weights_of(self, holders):
        layers = [thing for thing in holders if seam.is_layer(self._keras, thing)]
        for index, layer in enumerate(layers):
            setattr(self, "_wrapped_{}".format(index), layer)  # 1.13 sees no layers in a list
        modules = [thing for thing in holders if seam.is_module(thing) and not seam.is_layer(self._keras, thing)]
        variables = [variable for module in modules for variable in module.variables]
        self._wrapped_variables = seam.own_variables(self._keras, self, variables)

    def call(self, inputs, training=None, mask=None):
        return self._call_override(inputs, training=training, mask=mask)

    @_tf.not_converted  # AutoGraph, which Keras has convert `call`, shall go on with forward and spare our own code
    def _call_override(self, inputs, **flags):
        with _tf.autograph_enabled():  # Keras builds models without it, and Keras 3 trains without it
            if self._verified:
                return self._layer_call(inputs, **flags)

            def forward():
                outputs = self._layer_call(inputs, **flags)
                return flatten_outputs(outputs, self._layer_call.override._title)[0], outputs

            try:
                (_, outputs), variables = call_and_watch(forward, _tf.nest.flatten(inputs), _tf.current_mode())
            except ValueError as error:
                self._refuse_foreign(getattr(error, "captured_variables", ()))  # rather than with advice that ends here
                raise
        self._refuse_foreign(variables)
        self._verified = True
        return outputs

    def _refuse_foreign(self, variables):
        own = {id(one) for weight in self.weights for one in seam.variables_of(weight)}
        foreign = [variable for variable in variables if id(variable) not in own]
        if foreign:
            raise ValueError(
                "{}: forward uses the trainable variable{} {}, which the Keras model would not know of: neither train "
                "nor save. Let forward be the layer or tf.Module that has {them}, with a backward that takes a keyword "
                "`variables`; or call the override in the call of a layer of your own that has {them}, and pass {them} "
                "there as an argument of forward{}.".format(
                    self._layer_call.override._title,
                    "s" if len(foreign) > 1 else "",
                    ", ".join(repr(variable.name) for variable in foreign),
                    ", or, for no Keras model, on tf.identity(x)" if _tf.current_mode() is _tf.GRAPH else "",
                    them="them" if len(foreign) > 1 else "it",
                )
            )

    def compute_output_shape(self, input_shape):
        """Return the shapes of the outputs for inputs of the layer's dtype."""
        return seam.output_shapes(self._keras, self, input_shape)

    def compute_mask(self, inputs, mask=None):
        present = [one for one in _tf.nest.flatten(mask) if one is not None]
        return present[0] if present else None

    def get_config(self):
        config = super().get_config()
        call = self._layer_call
        title = call.override._title
        config.update(
            override=keras_config.describe_override(call.override, self._keras),
            own=keras_config.describe_value(call.own, title, self._keras),
            args=keras_config.describe_value(tuple(call.args), title, self._keras),
            kwargs=keras_config.describe_value(dict(call.kwargs), title, self._keras),
            cast_inputs=getattr(self, "_cast_inputs", True),
            names=[self.name],
        )
        if seam.at_a_saved_model():
            keras_config.check_at_a_file(config)
        return config

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        described = form.take(config, "override", "own", "args", "kwargs", "cast_inputs", "names", "name")
        form.check_call(described)
        override = keras_config.restore_override(described["override"], cls._keras)
        parts = [keras_config.restore_value(described[key], cls._keras) for key in ("own", "args", "kwargs")]
        call = LayerCall(override, *parts)
        cast_inputs, names = described["cast_inputs"], described["names"]
        config["name"] = described["name"]
        if not isinstance(config["name"], str):
            config["name"] = names[0]  # Keras 2 replaces any string that is the name of a custom object by the object
        layer = super().from_config(dict(config, forward=override, arguments=call))
        if not cast_inputs:
            layer.never_cast_inputs()
        return layer

    def never_cast_inputs(self):
        """Take inputs in the dtype that they have, as a function does."""
        self._cast_inputs = False
        seam.never_cast_inputs(self)


def _override_of(forward, backward, surrogate, combine, strategy, name, on_unused):
    if not isinstance(forward, Override) or backward is not None or surrogate is not None:
        return override_gradient(
            forward,
            backward,
            surrogate=surrogate,
            combine=combine,
            strategy=strategy,
            name=name,
            on_unused=on_unused,
        )
    if combine != "add" or strategy != "auto" or on_unused != "error":
        raise TypeError("{}: is an override already; say combine, strategy and on_unused there.".format(forward._title))
    return forward
