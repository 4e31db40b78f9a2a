"""TensorFlow's registries of ops and of gradients, and the name of another gradient that an op carries."""

import contextlib
import os
import sys
import threading

from compat_grad._tf.lookup import first, tf, v1
from compat_grad._tf.threads import Lock

AttrValue = v1.AttrValue
custom_gradient = getattr(tf, "custom_gradient", None)

_registry = first(
    "tensorflow.python.framework.ops._gradient_registry", "tensorflow.python.framework.ops.gradient_registry"
)
_registering = Lock()


def register_gradient(name):
    """Return a decorator that registers a gradient function under name; it raises KeyError where that is taken.

    One thread at a time: TensorFlow looks whether the name is free, walks the stack for its message, and then takes the
    name. Of two threads that register one name both would succeed, and the second replace the first's gradient.
    """

    def register(function):
        with _registering:
            return v1.RegisterGradient(name)(function)

    return register


def registered_gradient(name):
    """Return the gradient function registered as name, None for one that is registered as not differentiable.

    Raises LookupError for an unregistered name, RuntimeError where TensorFlow's registry cannot be reached.
    """
    if _registry is None:
        raise RuntimeError(
            "compat_grad: this TensorFlow hides its registry of gradients; pass the gradient function itself"
        )
    return _registry.lookup(name)


def is_registered(name):
    """Whether a gradient is registered as name; not, where TensorFlow's registry cannot be reached."""
    try:
        _registry.lookup(name)
    except (AttributeError, LookupError):
        return False
    return True


def op_types():
    """Return the names of TensorFlow's op types; before 1.14, of those that have gradients."""
    if hasattr(tf, "raw_ops"):
        return [name for name in dir(tf.raw_ops) if not name.startswith("_")]
    return list(getattr(_registry, "_registry", ()))


def registered_count(besides=None):
    """Return how many gradients are registered; 0 where TensorFlow's registry cannot be reached.

    Args:
      besides: not to count the names that begin so.
    """
    names = getattr(_registry, "_registry", ())
    return len(names) if besides is None else sum(not name.startswith(besides) for name in list(names))


def registered_names():
    """Return the set of the names that gradients are registered under; empty where the registry cannot be reached."""
    return set(getattr(_registry, "_registry", ()))


@contextlib.contextmanager
def names_registered_by_thread():
    """Yield the set of the names that this thread registers gradients under in this context, by whatever means.

    Without those that TensorFlow itself registers, as it loads and for functions that it traces (to 2.0). It stays
    empty where TensorFlow's registry cannot be reached.
    """
    with _registering:
        if not _told and _registry is not None:
            _told.append(type(_registry).register)
            type(_registry).register = _register_and_tell
    around = getattr(_of_thread, "names", None)
    names = _of_thread.names = set()
    try:
        yield names
    finally:
        _of_thread.names = around
        if around is not None:
            around |= names


_told = []  # TensorFlow's own way to register, once it is replaced
_of_thread = threading.local()  # .names: those that `names_registered_by_thread` is to yield


def _register_and_tell(registry, candidate, name=None):
    _told[0](registry, candidate, name)
    names = getattr(_of_thread, "names", None)
    if names is None or registry is not _registry:
        return
    caller = sys._getframe(1)
    if _is_of_tensorflow(caller):  # RegisterGradient
        caller = caller.f_back
    if not _is_of_tensorflow(caller):
        names.add(name or candidate.__name__)


_installed = os.path.dirname(os.path.dirname(tf.__file__))
_tensorflow = tuple(os.path.join(_installed, name, "") for name in ("tensorflow", "tensorflow_core"))


def _is_of_tensorflow(frame):
    """Whether frame runs TensorFlow's code, and not as AutoGraph, which calls for others."""
    path = frame.f_code.co_filename
    return path.startswith(_tensorflow) and os.path.join("python", "autograph") not in path


def unregister_gradient(name):
    """Forget a registered gradient; where TensorFlow's registry cannot be reached, the name stays."""
    getattr(_registry, "_registry", {}).pop(name, None)


def gradient_name(op):
    """Return the name of the gradient that op has instead of its type's, or None."""
    return attribute(op, "_gradient_op_type")


def attribute(op, name):
    """Return a string attribute of op, or None; also where a stranger's graph has something else under this name."""
    try:
        found = text(op.get_attr(name))
    except ValueError:
        return None
    return found if isinstance(found, str) else None


def name_gradient(op, name, instead_of=None):
    """Give op the gradient registered as name, unless it has been given one already (other than instead_of)."""
    if gradient_name(op) == instead_of:
        op._set_attr("_gradient_op_type", AttrValue(s=name.encode()))


_definition = first("tensorflow.python.framework.op_def_registry.get")
_definitions = first("tensorflow.python.framework.op_def_registry.get_registered_ops")  # to 2.0


def op_definition(op_type):
    """Return the OpDef of an op type, or None for one that TensorFlow does not know (as is the name of a function)."""
    if _definition is not None:
        return _definition(op_type)
    return _definitions().get(op_type) if _definitions is not None else None


def takes_handles(op_type):
    """Whether ops of a type work on what has its value elsewhere: a variable, a list."""
    definition = op_definition(op_type)
    handles = [tf.as_dtype("resource").as_datatype_enum, tf.as_dtype("variant").as_datatype_enum]
    return definition is not None and any(argument.type in handles for argument in definition.input_arg)


def gives_no_values(op_type):
    """Whether ops of a type give handles alone, whatever functions they hold: no gradient goes through a dataset."""
    definition = op_definition(op_type)
    handles = [getattr(tf, name).as_datatype_enum for name in ("resource", "variant") if hasattr(tf, name)]
    return definition is not None and all(output.type in handles for output in definition.output_arg)


def text(value):
    """Return a string attribute of an op as str."""
    return value.decode() if isinstance(value, bytes) else value
