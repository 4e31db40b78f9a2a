"""A Keras model is built within the block, so that its layers get the gradient."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import honor_override_maps


@tf.RegisterGradient("GuidedInKeras")
def _back(op, grad):
    return 25.0 * grad


@honor_override_maps
def build_model():
    with tf.get_default_graph().gradient_override_map({"Relu": "GuidedInKeras"}):
        model = tf.keras.Sequential([tf.keras.layers.Dense(1, activation="relu", kernel_initializer="ones")])
        model.build([None, 2])
        return model


def make():
    model = build_model()

    @honor_override_maps
    def run(x):
        with tf.get_default_graph().gradient_override_map({"Relu": "GuidedInKeras"}):
            return model(x)

    return run, []


INPUTS = [[[0.3, 1.4], [-2.0, 1.0]]]


def value(x):
    return np.maximum(x.sum(1, keepdims=True), 0)


def gradients(dy, x):
    return [25.0 * dy * np.ones_like(x)]
