"""Keras: an override inside a layer works; on a symbolic tensor it is refused with the way out, never lost."""

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from tests.modes import HAS_FUNCTIONS, assert_same_bits

X = np.array([[0.5, -1.25, 3.0], [2.0, 0.25, -1.0]], np.float32)

pytestmark = pytest.mark.skipif(not HAS_FUNCTIONS, reason="this TensorFlow process has no tf.function in eager mode")


@override_gradient(backward=lambda op, dy: dy * 10.0 * op.inputs[0])
def tenfold(x):
    """The value 2x with the gradient 10x."""
    return 2.0 * x


if HAS_FUNCTIONS:

    class Tenfold(tf.keras.layers.Layer):
        def call(self, x):
            return tenfold(x)


def _gradient(model):
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model(x)
    return [y.numpy(), tape.gradient(y, x).numpy()]


def test_a_symbolic_tensor_is_refused_with_the_way_out():
    x = tf.keras.Input([3])
    with pytest.raises(TypeError) as caught:
        tenfold(x)
    for words in ("'tenfold'", "Keras symbolic tensor", "class Overridden(tf.keras.layers.Layer)", "return tenfold(x)"):
        assert words in str(caught.value)


def test_a_symbolic_tensor_among_structures_and_in_surrogates_is_refused_too():
    x = tf.keras.Input([3])
    with pytest.raises(TypeError, match="Keras symbolic tensor"):
        override_gradient(lambda pair: pair["a"] * 2.0, lambda op, dy: dy)({"a": x})
    with pytest.raises(TypeError, match="Keras symbolic tensor"):
        override_gradient(tf.sign, surrogate=tf.identity)(x)


def test_the_way_out_works_in_a_functional_model():
    x = tf.keras.Input([3])
    assert_same_bits(_gradient(tf.keras.Model(x, Tenfold()(x))), [2 * X, 10 * X])


def test_an_override_in_a_layer_is_used_by_fit():
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, use_bias=False, kernel_initializer="ones"), Tenfold()])
    model.compile(tf.keras.optimizers.SGD(0.5), lambda target, output: tf.reduce_sum(output))
    one = np.ones([1, 1], np.float32)
    model.fit(one, one, verbose=0)
    # the output is 2w at w = 1; its overridden gradient by w is 10, natively it is 2
    np.testing.assert_array_equal(model.get_weights()[0], [[1 - 0.5 * 10]])


def test_a_layer_as_forward_gives_its_weights_the_gradients_of_backward():
    layer = tf.keras.layers.Dense(3, use_bias=False, kernel_initializer="ones")
    layer.build((None, 3))
    f = override_gradient(layer, lambda op, dy, variables: (dy * 5.0, [tf.ones_like(v) * 7.0 for v in variables]))
    x = tf.constant(X)
    for call in (f, tf.function(f)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = call(x)
        found = tape.gradient(y, [x] + layer.trainable_weights[:1])
        np.testing.assert_array_equal(found[0].numpy(), np.full_like(X, 5))
        np.testing.assert_array_equal(found[1].numpy(), np.full([3, 3], 7, np.float32))
