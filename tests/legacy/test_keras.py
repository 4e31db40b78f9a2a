"""Maps in Keras: in a layer's call under fit, around the calls that a model is built of, in a model's own call."""

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import honor_override_maps
from tests.legacy.gradients import v1

X = np.array([[1.0], [3.0]], np.float32)


def mapped():
    return v1.get_default_graph().gradient_override_map({"Relu": "LegacyTimes100"})


def step_of(keras, model):
    """Return by what gradient a step of fit changes the model's weight; the loss is the mean of its output."""
    model.compile(optimizer="sgd", loss=lambda y_true, y: keras.backend.mean(y) + 0.0 * y_true)
    before = float(np.ravel(model.get_weights()[0])[0])
    model.fit(X, np.zeros_like(X), batch_size=2, epochs=1, verbose=0)
    return round((before - float(np.ravel(model.get_weights()[0])[0])) / 0.01, 2)  # the rate, in every Keras


def scaled(keras, x):
    return keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")(x)


def test_a_map_in_the_call_of_a_layer_holds_under_fit(keras):
    @honor_override_maps
    class Mapped(keras.layers.Layer):
        def call(self, inputs, training=None):
            with mapped():
                return tf.nn.relu(inputs)

    inputs = keras.layers.Input([1])
    model = keras.models.Model(inputs, Mapped()(scaled(keras, inputs)))
    assert step_of(keras, model) == 200.0


def test_a_map_in_the_call_of_a_model_holds_under_fit(keras):
    class Net(keras.models.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")

        def call(self, inputs):
            with mapped():
                return tf.nn.relu(self.dense(inputs))

    model = honor_override_maps(Net())
    assert isinstance(model, Net)
    model.predict(X)
    assert step_of(keras, model) == 200.0


def test_layers_that_were_called_under_a_map_keep_it_in_their_model(keras):
    @honor_override_maps
    def build():
        inputs = keras.layers.Input([1])
        with mapped():
            outputs = keras.layers.Activation("relu")(scaled(keras, inputs))
        return keras.models.Model(inputs, keras.layers.Activation("relu")(outputs))

    model = build()
    assert step_of(keras, model) == 200.0
    assert not hasattr(model.layers[-1], "_compat_grad_maps")


def test_a_model_that_was_copied_under_a_map_is_the_one_that_has_it(keras):
    """The idiom of guided backpropagation."""
    inputs = keras.layers.Input([1])
    plain = keras.models.Model(inputs, keras.layers.Dense(1, use_bias=False, activation="relu")(inputs))
    plain.set_weights([np.ones([1, 1], np.float32)])

    @honor_override_maps
    def guided():
        with mapped():
            copy = keras.models.clone_model(plain)
        copy.set_weights(plain.get_weights())
        return copy

    copy = guided()
    assert step_of(keras, copy) == 200.0
    assert step_of(keras, plain) == 2.0


def test_a_layer_that_is_called_twice_under_one_map_keeps_it_in_both(keras):
    @honor_override_maps
    def build():
        inputs, relu = keras.layers.Input([1]), keras.layers.Activation("relu")
        with mapped():
            outputs = relu(relu(scaled(keras, inputs)))
        return keras.models.Model(inputs, outputs)

    assert step_of(keras, build()) == 20000.0


def test_a_layer_under_two_maps_is_refused(keras, eager):
    relu = keras.layers.Activation("relu")

    @honor_override_maps
    def build():
        inputs = keras.layers.Input([1])
        with mapped():
            once = relu(inputs)
        with v1.get_default_graph().gradient_override_map({"Relu": "LegacyTimes7"}):
            return relu(once)

    with pytest.raises(ValueError, match="is called under it for a model, and was under other maps before"):
        build()


@pytest.mark.parametrize("plain", [tf.nn.relu, lambda x: tf.nn.relu(x) + 1.0])
def test_a_map_holds_for_plain_functions_of_keras_tensors_or_is_refused(keras, eager, plain):
    @honor_override_maps
    def build():
        inputs = keras.layers.Input([1])
        hidden = scaled(keras, inputs)
        with mapped():
            outputs = keras.layers.Activation("relu")(plain(hidden))
        return keras.models.Model(inputs, outputs)

    if "graph" in dir(keras.layers.Input([1])):  # to 2.3
        with pytest.raises(ValueError, match=r"(?s)gradient_override_map.*Relu.*plain function"):
            build()
        return
    try:
        model = build()
    except ValueError as error:  # Keras 3 takes no plain functions of its tensors
        assert "KerasTensor" in str(error)
        return
    assert step_of(keras, model) == 20000.0
