"""TensorFlow's registry of gradients, and the name of another gradient that an op carries."""

from compat_grad._tf.lookup import first, tf, v1

AttrValue = v1.AttrValue
custom_gradient = getattr(tf, "custom_gradient", None)
register_gradient = v1.RegisterGradient

_registry = first(
    "tensorflow.python.framework.ops._gradient_registry", "tensorflow.python.framework.ops.gradient_registry"
)


def registered_gradient(name):
    """Return the gradient function registered as name, None for one that is registered as not differentiable.

    Raises LookupError for an unregistered name, RuntimeError where TensorFlow's registry cannot be reached.
    """
    if _registry is None:
        raise RuntimeError("this TensorFlow hides its registry of gradients; pass the gradient function itself")
    return _registry.lookup(name)


def unregister_gradient(name):
    """Forget a registered gradient; where TensorFlow's registry cannot be reached, the name stays."""
    getattr(_registry, "_registry", {}).pop(name, None)


def gradient_name(op):
    """Return the name of the gradient that op has instead of its type's, or None."""
    try:
        return text(op.get_attr("_gradient_op_type"))
    except ValueError:
        return None


def name_gradient(op, name):
    """Give op the gradient registered as name, unless it has been given one already."""
    if gradient_name(op) is None:
        op._set_attr("_gradient_op_type", AttrValue(s=name.encode()))


def text(value):
    """Return a string attribute of an op as str."""
    return value.decode() if isinstance(value, bytes) else value
