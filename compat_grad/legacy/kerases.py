"""The Kerases that a program has loaded, if any: the classes that calls of their layers go through.

None is imported: a program that has none needs none. Knows nothing of maps.
"""

import contextlib
import sys

from compat_grad import _tf

_CALLED = ("keras.src.ops.operation.Operation", "{}.engine.base_layer.Layer")


def called_classes():
    """Return the classes whose ``__call__`` all layers and operations go through, of each Keras that is loaded."""
    paths = [_CALLED[0]] + [_CALLED[1].format(keras) for keras in _tf.KERASES]
    found = [getattr(sys.modules.get(path.rpartition(".")[0]), path.rpartition(".")[2], None) for path in paths]
    return list(dict.fromkeys(cls for cls in found if cls is not None))


def is_of_any_keras(thing):
    """Whether thing is a layer or model of a Keras, or a class of such."""
    classes = thing.__mro__ if isinstance(thing, type) else type(thing).__mro__
    return any(cls.__name__ == "Layer" and "keras" in cls.__module__ for cls in classes)


def is_symbolic(arguments):
    """Whether a layer is called in eager mode with what stands for tensors of a model to be."""
    return any(
        _tf.is_keras_tensor_type(type(leaf)) or (hasattr(leaf, "_keras_history") and hasattr(leaf, "graph"))
        for leaf in _tf.nest.flatten(arguments)
    )


def graphs_of_models():
    """Return the graphs in which functional models are built in eager mode; to 2.3 Keras tensors are of one of them."""
    backends = [sys.modules.get(keras + ".backend") for keras in _tf.KERASES]
    return [backend.get_graph() for backend in backends if hasattr(backend, "get_graph")]


# --- sessions -------------------------------------------------------------------------------------------------

_patching = _tf.Lock()
_patched = []  # how many contexts are in need of it
_own = {}  # the module of a Keras' backend -> its own way to a session


@contextlib.contextmanager
def sessions_in_functions():
    """Return the context in which ``K.get_session()``, whose graph's map is wanted, may be called in functions, too."""
    with _patching:
        _patched.append(None)
        for keras in _tf.KERASES:
            module = sys.modules.get(keras + ".backend")
            if module not in _own and hasattr(module, "_get_session"):
                _own[module] = module._get_session
                module._get_session = _outside_of_functions(module._get_session)
    try:
        yield
    finally:
        with _patching:
            _patched.pop()
            if not _patched:
                for module, own in _own.items():
                    module._get_session = own
                _own.clear()


def _outside_of_functions(own):
    @_tf.not_converted
    def _get_session(*args, **kwargs):
        *_, plain = _tf.graphs_around(_tf.get_default_graph())
        if _tf.is_function_graph(_tf.get_default_graph()):
            with plain.as_default():
                return own(*args, **kwargs)
        return own(*args, **kwargs)

    return _get_session
