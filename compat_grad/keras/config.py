"""An override, and the arguments of its call, as what a Keras config can hold, and back.

Functions, and overrides themselves, are written by the name under which their module has them, layers by Keras' own
config. What has no such name still goes along in memory, so that a model can be cloned; writing it to a file raises.
"""

import copy
import importlib
import inspect
import sys

import numpy as np

from compat_grad import _tf
from compat_grad._tf import tf
from compat_grad.keras import form, seam
from compat_grad.keras.call import Slot, behind
from compat_grad.override import Override

_BY_NAME_IN_SAFE_MODE = ("math", "nn", "linalg", "signal")  # of TensorFlow: nothing in these touches a file
_ALSO_SAFE = frozenset(("cast", "clip_by_value", "identity", "stop_gradient", "where"))


class Unsaveable:
    """A value that a config carries in memory only; Keras asks it for a config when it writes a file."""

    def __init__(self, value, title, what):
        self.value = value
        self._title = title
        self._what = what

    def __deepcopy__(self, memo):
        return self

    def get_config(self):
        raise TypeError(
            "{}: cannot be saved in a file: {} is {!r}, which has no name to find it by when the file is loaded. "
            "Define it with `def` at the top level of a module (no lambda, no function in a function), or register it "
            "with Keras' register_keras_serializable; or save the weights alone (model.save_weights).".format(
                self._title, self._what, self.value
            )
        )


# --- the override ---------------------------------------------------------------------------------------------


def describe_override(override, keras):
    """Return an `Override` as what a config can hold."""
    if not has_weights(override, keras):  # a clone has weights of its own
        registered, path = seam.registered_name(keras, override), _path(override)
        if registered is not None:
            return {"registered": registered}
        if path is not None:
            return {"override": path}
    described = dict(override._definition._asdict())
    for role in form.ROLES:
        described[role] = _describe_part(described[role], role, override._title, keras)
    return described


def restore_override(described, keras):
    """Return the `Override` that `describe_override` described.

    Raises:
      ValueError: it is no such description; what it names is not there, or must not be named (Keras' safe mode).
    """
    form.check_override(described)
    found = _restore_checked(described, keras)
    if not isinstance(found, Override):
        raise form.malformed("override", described, "the name of an override")
    return found


def _restore_checked(described, keras):
    if "registered" in described:
        return _registered(described["registered"], keras)
    if "override" in described:
        return _find(described["override"], keras)
    definition = dict(described)
    for role in form.ROLES:
        definition[role] = _restore_part(described[role], keras)
    try:
        return Override(**dict(_DEFAULTS, **definition))
    except TypeError as error:
        raise ValueError("compat_grad: the config of an override makes no override: {}".format(error)) from error


_DEFAULTS = dict(combine="add", strategy="auto", name=None, on_unused="error")


def check_at_a_file(described):
    """Refuse what stands in a description without a name, where Keras is writing it to a file.

    Raises:
      NotImplementedError: it is a SavedModel, which has layers of this answer loaded from their traced functions.
      TypeError: it is a file of configs alone.
    """
    unnamed = unnamed_in(described)
    if unnamed and seam.at_a_saved_model():
        raise NotImplementedError(str(unnamed[0]))
    for part in unnamed:
        part.get_config()


def unnamed_in(described):
    """Return what stands in a description without a name to find it by: a list of `Unsaveable`."""
    if isinstance(described, Unsaveable):
        return [described]
    parts = described.values() if isinstance(described, dict) else described
    parts = parts if isinstance(described, (dict, list, tuple)) else ()
    return [unnamed for part in parts for unnamed in unnamed_in(part)]


def _describe_part(part, role, title, keras):
    if part is None:
        return None
    if isinstance(part, str):
        return {"gradient": part}
    if isinstance(part, dict):
        return {"ops": {op_type: _describe_part(part[op_type], role, title, keras) for op_type in part}}
    if seam.is_layer(keras, part):
        return {"layer": seam.WrappedLayer(part, keras)}
    if _is_method(part, keras):
        return {"method": {"name": part.__name__, "of": _describe_part(part.__self__, role, title, keras)}}
    if isinstance(part, Override):
        return {"of": describe_override(part, keras)}
    registered = seam.registered_name(keras, part)
    if registered is not None:
        return {"registered": registered}
    path = _path(part)
    return {"function": path} if path is not None else {"kept": Unsaveable(part, title, role)}


def _restore_part(described, keras):
    if described is None:
        return None
    ((kind, value),) = described.items()
    if kind == "gradient":
        return value
    if kind == "ops":
        return {op_type: _restore_part(value[op_type], keras) for op_type in value}
    if kind == "layer":
        return seam.restore_layer(keras, value)
    if kind == "method":
        if seam.in_safe_mode(keras):
            raise ValueError(
                "compat_grad: the file names a layer's method, {!r}, and Keras' safe mode lets no file choose the "
                "code that runs. If you trust it: load_model(path, safe_mode=False).".format(value["name"])
            )
        return getattr(_restore_part(value["of"], keras), value["name"])
    if kind == "of":
        return _restore_checked(value, keras)
    if kind == "kept":
        return _clone(value.value, keras)
    if kind == "registered":
        return _registered(value, keras)
    return _find(value, keras)


def _registered(name, keras):
    found = seam.custom_object(keras, name)
    if found is None:
        raise ValueError(
            "compat_grad: no function is registered with Keras as {!r}. Import the module that registers it, "
            "or pass custom_objects={{{!r}: ...}} to load_model.".format(name, name)
        )
    return found


def _is_method(part, keras):
    holder = getattr(part, "__self__", None)
    return hasattr(part, "__func__") and (seam.is_layer(keras, holder) or seam.is_module(holder))


def has_weights(function, keras):
    """Whether a layer or tf.Module is part of a callable."""
    return any(seam.is_layer(keras, thing) or seam.is_module(thing) for thing in behind(function))


def _clone(value, keras):
    """Return value; of what has variables a copy, because a cloned layer has variables of its own."""
    if seam.is_module(value) and _tf.executing_eagerly():
        return copy.deepcopy(value)
    if has_weights(value, keras):
        raise TypeError(
            "OverrideGradient: {!r} has variables and cannot be copied{}, so a model with an override of it cannot be "
            "cloned. Let forward be a Keras layer.".format(value, "" if _tf.executing_eagerly() else " in graph mode")
        )
    return value


# --- things by their names ------------------------------------------------------------------------------------


def _path(thing):
    """Return "module:name" where importing that gives thing, else None."""
    public = _tf.public_path(thing)
    if public is not None:
        return "tensorflow:" + public
    module, qualname = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if module and qualname:
        try:
            if _look_up(importlib.import_module(module), qualname) is thing:
                return "{}:{}".format(module, qualname)
        except ImportError:
            pass
    return None


def _look_up(found, path):
    """Return what stands at a path, None where nothing does, or what would be computed first (a property)."""
    for name in path.split("."):
        kept = inspect.getattr_static(found, name, None)
        if hasattr(type(kept), "__get__") and not callable(kept) and not isinstance(kept, (staticmethod, classmethod)):
            return None
        found = getattr(found, name, None)
    return found


def _find(path, keras):
    """Return what `_path` named.

    Raises:
      ValueError: there is nothing, or a model that is loaded in Keras' safe mode names what was never meant to be
        named by a file: the file could choose any function of any module.
    """
    module, _, name = path.partition(":")
    found = seam.custom_object(keras, name.rpartition(".")[2])
    if found is not None:
        return found
    if module == "tensorflow" and (not seam.in_safe_mode(keras) or _is_safe(name)):
        found = _look_up(tf, name)
        if not callable(found):
            raise form.malformed("a function", path, "the name of one of TensorFlow's")
        return found
    found = None if module == "tensorflow" else _import(module, name, keras)
    if seam.in_safe_mode(keras) and not isinstance(found, Override):
        raise ValueError(
            "compat_grad: the file names the function {}, and Keras' safe mode lets no file choose the code that "
            "runs. If you trust it: load_model(path, safe_mode=False), or "
            "load_model(path, custom_objects={{{!r}: ...}}); or, once for all, put "
            "@keras.saving.register_keras_serializable() above the function, or save a layer of an override "
            "that the module defines by @override_gradient(...).".format(path, name.rpartition(".")[2])
        )
    if not callable(found):
        raise form.malformed("a function", path, "the name of one")
    return found


def _is_safe(name):
    """Whether this is the name of a function of TensorFlow that a stranger may choose."""
    folder, _, last = name.rpartition(".")
    return (folder in _BY_NAME_IN_SAFE_MODE and not last.startswith("_")) or name in _ALSO_SAFE


def _look_at(found, path):
    """Return what `_look_up` does without running anything: no property, no module's or class's __getattr__."""
    for name in path.split("."):
        found = inspect.getattr_static(found, name, None)
    return found


def _import(module, name, keras):
    if seam.in_safe_mode(keras) and module not in sys.modules:
        raise ValueError(
            "compat_grad: the file names {}:{}, and Keras' safe mode lets no file choose what to import. Import "
            "that module before load_model, if you trust it.".format(module, name)
        )
    if seam.in_safe_mode(keras):
        return _look_at(sys.modules[module], name)
    try:
        found = _look_up(importlib.import_module(module), name)
    except ImportError:
        found = None
    if found is None:
        raise ValueError(
            "compat_grad: the saved override uses {!r} of the module {!r}, which cannot be imported here. Make that "
            "module importable, or pass custom_objects={{{!r}: ...}} to load_model.".format(
                name, module, name.rpartition(".")[2]
            )
        )
    return found


# --- arguments ------------------------------------------------------------------------------------------------


def describe_value(value, title, keras):
    """Return an argument of the call, a nested structure with `Slot`s in it, as what a config can hold."""
    if isinstance(value, Slot):
        return {"tensor": value.index}
    if type(value) in form.PLAIN:
        return {"value": value}
    if type(value) in (list, tuple):
        return {type(value).__name__: [describe_value(item, title, keras) for item in value]}
    if type(value) is dict and all(isinstance(key, str) for key in value):
        return {"dict": {key: describe_value(item, title, keras) for key, item in value.items()}}
    if seam.is_layer(keras, value):
        return {"layer": seam.WrappedLayer(value, keras)}
    if isinstance(value, tf.DType):
        return {"dtype": value.name}
    is_constant = _tf.is_eager_tensor_type(type(value)) and _tf.is_tensor_type(type(value))
    if isinstance(value, (np.ndarray, np.number)) or (is_constant and _tf.executing_eagerly()):
        array = np.asarray(value)
        if array.dtype.kind in "biuf":
            return {"constant" if is_constant else "array": {"dtype": array.dtype.name, "items": array.tolist()}}
    return {"kept": Unsaveable(value, title, "an argument")}


def restore_value(described, keras):
    """Return the argument that `describe_value` described, and `form.check_value` has checked."""
    ((kind, value),) = described.items()
    if kind in ("list", "tuple"):
        return (list if kind == "list" else tuple)(restore_value(item, keras) for item in value)
    if kind == "dict":
        return {key: restore_value(item, keras) for key, item in value.items()}
    if kind in ("array", "constant"):
        array = form.array_of(value)
        return tf.constant(array) if kind == "constant" else array
    if kind == "tensor":
        return Slot(value)
    if kind == "dtype":
        try:
            return tf.as_dtype(value)
        except TypeError:
            raise form.malformed("a dtype", value, "the name of one of TensorFlow's") from None
    if kind == "layer":
        return seam.restore_layer(keras, value)
    return _clone(value.value, keras) if kind == "kept" else value
