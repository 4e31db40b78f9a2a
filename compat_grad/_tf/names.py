"""Under which public name TensorFlow has a function, that of the API and not of the `def` behind it; Keras' names."""

from compat_grad._tf.lookup import tf

#: What the packages are called that hold Keras' layers; only those that a program has loaded are of interest.
KERASES = ("tensorflow.python.keras", "tensorflow_core.python.keras", "keras", "keras.src", "tf_keras", "tf_keras.src")

_SPACES = ("math", "nn", "linalg", "signal", "")


def public_path(function):
    """Return "nn.softmax" for ``tf.nn.softmax`` (whose ``__name__`` is "softmax_v2"); None where tf has no function."""
    name = getattr(function, "__name__", None)
    if not isinstance(name, str):
        return None
    for candidate in (name, name.rpartition("_v")[0]):
        for space in _SPACES:
            holder = getattr(tf, space, None) if space else tf
            if candidate and getattr(holder, candidate, None) is function:
                return "{}.{}".format(space, candidate) if space else candidate
    return None
