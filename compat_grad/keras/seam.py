"""The seam to Keras: what the Keras that came with each TensorFlow, Keras 3 and tf_keras call the same things.

Keras is never imported by name: it is handed in, or found from the objects that it made. What differs is found out by
feature. Knows nothing of overrides.
"""

import importlib
import re
import sys

from compat_grad import _tf
from compat_grad._tf import tf
from compat_grad.call.symbolic import layer_base


def keras_of(symbolic):
    """Return the Keras module that made a symbolic tensor: tf.keras, keras, tf_keras."""
    cls = type(symbolic) if _tf.is_keras_tensor_type(type(symbolic)) else layer_base(symbolic)
    root = cls.__module__.partition(".")[0]
    return tf.keras if root.startswith("tensorflow") else as_tensorflow_has_it(importlib.import_module(root))


def as_tensorflow_has_it(keras):
    """Return tf.keras where it is the same Keras: the package behind it does not show all of it (2.11)."""
    theirs = getattr(tf, "keras", None)  # TensorFlow has none before 1.4
    return theirs if theirs is not None and keras.layers.Layer is theirs.layers.Layer else keras


# --- who asks -------------------------------------------------------------------------------------------------


def asking():
    """Return the Keras that is calling us, or tf.keras.

    The stack tells: what Keras asks for its config is not told by which Keras, and each has a registry of its own.
    """
    for module, _ in _keras_callers():
        root = module.partition(".")[0]
        return tf.keras if root.startswith("tensorflow") else as_tensorflow_has_it(sys.modules[root])
    return tf.keras


_IN_MEMORY_TOO = ("serialization", "serialization_lib", "object_registration")


def at_a_file():
    """Whether Keras is writing or reading a model, and not copying one in memory: it tells nobody, the stack does."""
    return any(
        function in ("to_json", "to_yaml", "model_from_json", "model_from_yaml")
        or (".saving." in module and module.rpartition(".")[2] not in _IN_MEMORY_TOO)
        for module, function in _keras_callers()
    )


def at_a_saved_model():
    """Whether Keras 2 is writing a SavedModel, which holds a layer's traced functions beside its config."""
    return any(".saved_model." in module for module, _ in _keras_callers())


def _keras_callers():
    """Yield the names of the module and the function of each frame of a Keras on the stack, the innermost first."""
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        root = module.partition(".")[0]
        if root in ("keras", "tf_keras") or (root.startswith("tensorflow") and ".keras." in module):
            yield module, frame.f_code.co_name
        frame = frame.f_back


# --- layers ---------------------------------------------------------------------------------------------------


def computes_with_tensorflow(keras):
    """Whether this Keras runs its layers in TensorFlow (Keras 3 may have another backend)."""
    backend = getattr(keras.backend, "backend", None)
    return backend is None or backend() == "tensorflow"


def is_keras_3(layer):
    """Whether layer, or a class of layers, is one of Keras 3, which has shapes and dtypes of its own."""
    return hasattr(layer, "compute_output_spec")


def unique_name(keras, name):
    """Return name as Keras and name scopes accept it, numbered from its second use on."""
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_.-") or "override_gradient"
    get_uid = getattr(keras.backend, "get_uid", None) or keras.utils.get_uid
    serial = get_uid(stem)
    return stem if serial == 1 else "{}_{}".format(stem, serial - 1)


def never_cast_inputs(layer):
    """Have layer take its inputs in the dtype that they have; before 1.15 none is cast."""
    for name in ("autocast", "_autocast"):  # Keras 3, Keras 2
        if name in vars(layer):
            setattr(layer, name, False)


def compute_dtype(layer, keras):
    """Return the name of the dtype that layer casts its inputs to."""
    found = getattr(layer, "compute_dtype", None) or getattr(layer, "_compute_dtype", None) or layer.dtype
    return tf.as_dtype(found or keras.backend.floatx()).name


def output_shapes(keras, layer, input_shape):
    """Return the shapes that layer's call gives for inputs of this shape or structure of shapes."""
    dtype = compute_dtype(layer, keras)
    if is_keras_3(layer):
        spec = layer.compute_output_spec(_map_shapes(lambda shape: keras.KerasTensor(shape, dtype), input_shape))
        return keras.tree.map_structure(lambda output: output.shape, spec)
    shapes = []

    def trace(*inputs):
        flat = iter(inputs)
        outputs = layer.call(_map_shapes(lambda shape: next(flat), input_shape))
        shapes.append(_tf.nest.map_structure(lambda output: output.shape, outputs))
        return _tf.nest.flatten(outputs)

    specs = []
    _map_shapes(lambda shape: specs.append(tf.TensorShape(shape)), input_shape)
    if _tf.executing_eagerly():
        named = [tf.TensorSpec(shape, dtype, "input_{}".format(index)) for index, shape in enumerate(specs)]
        _tf.new_function(trace).get_concrete_function(*named)
    else:
        trace(*[_tf.v1.placeholder(dtype, shape) for shape in specs])
    return shapes[0]


def _map_shapes(function, shape):
    if isinstance(shape, dict):
        return {key: _map_shapes(function, shape[key]) for key in shape}
    if isinstance(shape, (list, tuple)) and any(isinstance(item, (list, tuple, tf.TensorShape)) for item in shape):
        return [_map_shapes(function, item) for item in shape]
    return function(shape)


def variables_of(weight):
    """Return a weight and the TensorFlow variables that it wraps or consists of."""
    found = [weight]
    for name in ("_value", "_variable"):  # Keras 3's variables; those that mixed precision casts
        if _tf.is_variable_type(type(getattr(weight, name, None))):
            found.append(getattr(weight, name))
    return found + list(getattr(weight, "_values", None) or ())  # one for each replica


def is_layer(keras, value):
    """Whether value is a layer of this Keras."""
    return isinstance(value, keras.layers.Layer)


def is_module(value):
    """Whether value is a tf.Module (from 1.14 on)."""
    return hasattr(tf, "Module") and isinstance(value, tf.Module)


def own_variables(keras, layer, variables):
    """Return variables as an attribute of layer has to hold them for Keras to count them among its weights."""
    if not is_keras_3(layer):
        return list(variables)
    return [
        keras.Variable(
            initializer=variable,  # is wrapped, not copied
            trainable=variable.trainable,
            dtype=variable.dtype.name,
            shape=variable.shape,
            name=variable.name.partition(":")[0].replace("/", "_"),
        )
        for variable in variables
    ]


# --- saving ---------------------------------------------------------------------------------------------------


def register(keras, cls, name):
    """Have Keras find cls when it loads a model."""
    known = keras.utils.get_custom_objects()
    if getattr(known.get(name), "__module__", "compat_grad").startswith("compat_grad"):  # else the user's own
        known[name] = cls  # what models saved before 2.1 call it
    if hasattr(keras.utils, "register_keras_serializable"):
        keras.utils.register_keras_serializable(package="compat_grad", name=name)(cls)
    return cls


def registered_name(keras, function):
    """Return the name that function is registered under for saving, or None."""
    return next((name for name, known in keras.utils.get_custom_objects().items() if known is function), None)


def custom_object(keras, name):
    """Return what the user registered, or hands to load_model, under this name, or None."""
    if hasattr(keras.utils, "get_registered_object"):
        return keras.utils.get_registered_object(name)
    return keras.utils.get_custom_objects().get(name)


def in_safe_mode(keras):
    """Whether a model is being loaded whose file is not trusted with the choice of code to run."""
    root = keras.layers.Layer.__module__.partition(".")[0]
    for module in (root + ".src.saving.serialization_lib", root + ".saving.serialization_lib"):
        if module in sys.modules:  # wherever it is, load_model has imported it
            return bool(sys.modules[module].in_safe_mode())
    return False


class WrappedLayer:
    """A layer inside the config of another: the layer itself in memory, its own config in a file."""

    def __init__(self, layer, keras):
        self._layer = layer
        self._keras = keras

    def __deepcopy__(self, memo):
        return self

    def clone(self):
        """Return a layer like it, with weights of its own."""
        return type(self._layer).from_config(self._layer.get_config())

    def get_config(self):
        """Return what Keras writes into the file."""
        if not hasattr(self._keras.layers, "serialize"):  # pragma: no cover (1.13)
            return {"layer": {"class_name": type(self._layer).__name__, "config": self._layer.get_config()}}
        return {"layer": self._keras.layers.serialize(self._layer)}


def restore_layer(keras, described):
    """Return a new layer from a `WrappedLayer`, or from what Keras read from a file in its place."""
    if isinstance(described, WrappedLayer):
        return described.clone()
    config = described["config"]["layer"]
    if not hasattr(keras.layers, "deserialize"):  # pragma: no cover (1.13)
        return _restore_by_name(config, keras)
    return keras.layers.deserialize(config)


def _restore_by_name(config, keras):  # pragma: no cover (1.13)
    name = config["class_name"]
    cls = custom_object(keras, name) or getattr(keras.layers, name, None) or getattr(keras, name, None)
    if cls is None:
        raise ValueError("OverrideGradient: unknown layer {!r}; pass custom_objects to load_model.".format(name))
    return cls.from_config(config["config"])
