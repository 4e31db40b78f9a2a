"""Op-level overrides of ready-made Keras models: flags, updates and weights behave as without the override."""

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from compat_grad._tf import private_traces
from tests import modes
from tests.modes import assert_same_bits

pytestmark = pytest.mark.skipif(
    not modes.HAS_FUNCTIONS, reason="this TensorFlow process has no tf.function in eager mode"
)

X = np.random.RandomState(0).uniform(-1.0, 1.0, [4, 6, 6, 2]).astype(np.float32)


def guided(op, dy):
    return tf.nn.relu(dy) * tf.cast(op.outputs[0] > 0.0, dy.dtype)


def make_model():
    layers = tf.keras.layers
    tf.random.set_seed(1) if modes.IS_TF2 else tf.compat.v1.set_random_seed(1)
    return tf.keras.Sequential(
        [
            layers.Conv2D(3, 3, activation="relu", kernel_initializer=tf.keras.initializers.VarianceScaling(seed=3)),
            layers.BatchNormalization(momentum=0.5),
            layers.Dropout(0.5, seed=7),
            layers.Flatten(),
            layers.Dense(2, kernel_initializer=tf.keras.initializers.VarianceScaling(seed=4)),
        ]
    )


def built():
    model = make_model()
    model(tf.constant(X))
    return model


def call(model, f, training):
    """Return [output, gradient by the input, gradients by the weights] as arrays."""
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x, training=training)
        loss = tf.reduce_sum(y * y)
    found = tape.gradient(loss, [x] + list(model.trainable_variables))
    return [y.numpy()] + [gradient.numpy() for gradient in found]


def legacy_gradient_by_the_input(model):
    """The same model's functions under a TensorFlow 1 override map, with the weights as constants."""
    kernel, bias, gamma, beta, mean, variance, dense, dense_bias = [np.array(w) for w in model.get_weights()]
    modes.v1.RegisterGradient("TestOpLevelKerasGuided")(guided)
    with tf.Graph().as_default() as graph:
        x = tf.constant(X)
        with graph.gradient_override_map({"Relu": "TestOpLevelKerasGuided"}):
            y = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, kernel, [1, 1, 1, 1], "VALID"), bias))
        y = tf.nn.batch_normalization(y, mean, variance, beta, gamma, 1e-3)
        y = tf.matmul(tf.reshape(y, [4, -1]), dense) + dense_bias
        dx = modes.v1.gradients(tf.reduce_sum(y * y), x)[0]
        with modes.v1.Session() as session:
            return session.run(dx)


def test_a_model_that_is_there_already_gives_the_legacy_gradients():
    model = built()
    f = override_gradient(model, {"Relu": guided})
    found = call(model, f, training=False)
    native = call(model, model, training=False)
    np.testing.assert_allclose(found[0], native[0], rtol=1e-5, atol=1e-6)
    assert np.abs(found[1] - native[1]).max() > 0.01
    np.testing.assert_allclose(found[1], legacy_gradient_by_the_input(model), rtol=1e-4, atol=1e-5)
    # the head stands above every Relu: its gradients are the native ones
    np.testing.assert_allclose(found[-1], native[-1], rtol=1e-5)


def test_training_updates_and_dropout_behave_as_without_the_override():
    with_override, without = built(), built()
    without.set_weights(with_override.get_weights())
    f = override_gradient(with_override, {"Relu": guided})
    plain = tf.function(without)  # dropout's numbers in a trace are not those of eager calls (2.12 to 2.15)
    for training in (True, True, False):
        found = call(with_override, f, training)
        expected = call(without, plain, training)
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-5, atol=1e-6)
    moved = list(with_override.get_weights())
    for one, other in zip(moved, without.get_weights()):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    assert np.abs(moved[4]).max() > 0.0  # the moving mean has moved


def test_a_model_is_trained_through_the_override():
    model = built()
    f = override_gradient(model, {"Relu": lambda op, dy: tf.zeros_like(dy)})
    before = model.get_weights()

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(f(x, training=False) ** 2)
        for variable, gradient in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables)):
            variable.assign_sub(0.01 * gradient)

    step(tf.constant(X))
    after = model.get_weights()
    assert_same_bits(after[0], before[0])  # nothing gets through the Relu to the first layer
    assert np.abs(after[6] - before[6]).max() > 0.0


def test_weights_that_the_first_call_creates():
    model = make_model()
    f = override_gradient(model, {"Relu": guided})
    first = call(model, f, training=False)
    assert len(model.trainable_variables) == 6
    second = call(model, f, training=False)
    assert len(second) == 8
    np.testing.assert_array_equal(first[0], second[0])


def test_a_layer_whose_call_is_a_function():
    class Traced(tf.keras.layers.Layer):
        @tf.function
        def call(self, x):
            return tf.nn.relu(x) * 3.0

    layer = Traced()
    f = override_gradient(layer, {"Relu": lambda op, dy: 10.0 * dy}, name="outer")
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        if private_traces._save_context is None:  # before TensorFlow 2.4
            with pytest.raises(ValueError, match="'outer': the Relu op"):
                f(x)
            return
        y = f(x)
    assert_same_bits(tape.gradient(y, x).numpy(), np.full_like(X, 30))
