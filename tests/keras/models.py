"""What the tests of Keras share: the Kerases of this process, and the gradients of a model in any mode."""

import functools
import importlib
import inspect

import numpy as np
import tensorflow as tf

from compat_grad import override_gradient
from tests import modes

X = np.array([[0.5, -1.25, 3.0], [2.0, 0.25, -1.0]], np.float32)


def _kerases():
    """Return {name: module}: tf.keras, and tf_keras where it stands beside Keras 3."""
    if not hasattr(getattr(tf, "compat", None), "v1"):
        return {}  # before 1.13
    if hasattr(tf.keras, "Operation") and not modes.HAS_EAGER:
        return {}  # Keras 3 itself neither trains nor clones nor saves in graph mode
    found = {"tf.keras": tf.keras}
    try:
        beside = importlib.import_module("tf_keras")
    except ImportError:
        return found
    if beside.layers.Layer is not tf.keras.layers.Layer:
        found["tf_keras"] = beside
    return found


KERASES = _kerases()


def sgd(keras, rate):
    """Return an optimizer; without eager mode, the one of late Keras 2 that works in graphs."""
    legacy = getattr(keras.optimizers, "legacy", None)
    if modes.BEHAVIOUR == "v1" and hasattr(legacy, "SGD"):
        return legacy.SGD(rate)
    return keras.optimizers.SGD(rate)


def trust(keras):
    """Return what load_model takes where Keras has a safe mode."""
    takes = "safe_mode" in inspect.signature(keras.models.load_model).parameters
    return {"safe_mode": False} if takes else {}


def gradients(keras, model, *arrays):
    """Return the model's first output and the gradient of its sum with respect to each input, as arrays."""
    if modes.v1.executing_eagerly():
        inputs = [tf.constant(array) for array in arrays]
        with tf.GradientTape() as tape:
            for x in inputs:
                tape.watch(x)
            y = model(inputs if len(inputs) > 1 else inputs[0])
        return [np.array(value) for value in [y] + tape.gradient(y, inputs)]
    results = [model.outputs[0]] + tf.gradients(model.outputs[0], model.inputs)
    return [np.array(value) for value in keras.backend.function(model.inputs, results)(list(arrays))]


# Overrides and functions at the top level of a module, which models with them are saved by.


def double(x):
    return 2.0 * x


def ten_times_x(op, dy):
    return dy * 10.0 * op.inputs[0]


def five(x, scale=1.0):
    return 5.0 * scale * x


@override_gradient(backward=ten_times_x)
def tenfold(x):
    """The value 2x with the gradient 10x."""
    return 2.0 * x


def _weigh(op, dy):
    tensors = [x for x in op.inputs if isinstance(x, tf.Tensor)]
    return [7.0 * (index + 1) * dy for index in range(len(tensors))]


@override_gradient(backward=_weigh)
def weigh(x, pair, mode, weight=1.0, shift=None):
    """The value depends on all; the gradient is 7 times the position of the argument."""
    assert mode == "sum", mode
    total = x + pair["a"][0] * pair["b"]
    return total * weight if shift is None else total * weight + shift


@functools.wraps(tenfold)
def around_tenfold(x):
    return tenfold(x) + 1.0
