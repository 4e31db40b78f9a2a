"""What a user's test says of a gradient: right in every mode, and told where it is not."""

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient, testing
from tests import modes

X = np.array([[0.5, -1.25, 3.0], [-2.0, 0.75, 1.0]], np.float32)
W = np.array([[1.0, -2.0], [0.5, 3.0], [-1.0, 2.0]], np.float32)


def dense(x, w):
    return tf.tanh(tf.matmul(x, w))


def reverse(x):
    return override_gradient(lambda x: 2.0 * x, lambda op, dy: -dy)(x)


def wrong_in(number):
    """Return a function whose gradient changes its sign with the call of this number."""
    calls = []

    def f(x):
        calls.append(x)
        return override_gradient(lambda x: x * 1.0, lambda op, dy: -dy if len(calls) >= number else dy)(x)

    return f


def test_modes_tell_what_there_is_and_why_the_others_are_not():
    found = testing.modes()
    assert [key for key in found if key in ("graph", "eager")]
    assert ("eager" in found) == modes.HAS_EAGER and ("tape_inside" in found) == modes.HAS_FUNCTIONS
    assert set(found).isdisjoint(found.unavailable) and all(found.unavailable.values())


@pytest.mark.parametrize("key", ["graph", "eager", "tape_outside", "tape_inside", "gradients_inside", "jit", "forward"])
def test_values_and_gradients_come_in_the_structures_at_hand(key):
    def f(first, word, scale):
        assert word == "left as it is"
        return {"sum": tf.reduce_sum(first["a"] * first["b"][0]), "scaled": first["a"] * scale}

    inputs = [{"a": X, "b": [np.float32(3)]}, "left as it is", testing.as_variable(np.float32(2))]
    value, (first, word, scale) = testing.value_and_gradients(f, inputs, mode=key)
    np.testing.assert_allclose(value["sum"], 3 * X.sum())
    np.testing.assert_array_equal(value["scaled"], 2 * X)
    np.testing.assert_array_equal(first["a"], np.full_like(X, 5))
    np.testing.assert_allclose([first["b"][0], scale], [X.sum(), X.sum()])
    assert word is None


def test_output_gradients_and_second_derivatives():
    value, gradients, second = testing.value_and_gradients(lambda x: x * x * x, 2.0, output_gradients=10.0, order=2)
    assert (value, gradients, second) == (8.0, [120.0], [120.0])


def test_tensors_and_variables_that_have_values_are_taken_by_those():
    if modes.HAS_EAGER:
        make = tf.contrib.eager.Variable if modes.BEHAVIOUR == "eager" else tf.Variable
        value, gradients = testing.value_and_gradients(lambda x, v: 3.0 * x * v, [tf.constant(X), make(2.0)])
        np.testing.assert_array_equal(value, 6 * X)
        np.testing.assert_array_equal(gradients[0], np.full_like(X, 6))
        np.testing.assert_allclose(gradients[1], 3 * X.sum())
        return
    with tf.Graph().as_default(), pytest.raises(TypeError, match="has no value outside of its graph: pass an array"):
        testing.value_and_gradients(lambda v: 3.0 * v, [modes.v1.Variable([1.0, 2.0])])


def test_what_is_the_same_in_every_mode_agrees():
    testing.assert_modes_agree(dense, [X, W])
    testing.assert_modes_agree(reverse, X)


def test_a_gradient_that_depends_on_the_mode_is_told_with_mode_input_and_element():
    def f(x):
        return x * (2.0 if modes.executing_eagerly() else 3.0)

    if not (modes.HAS_EAGER and modes.HAS_GRAPHS):
        pytest.skip("this process computes in one mode only")
    with pytest.raises(AssertionError, match=r"(?s)f: output.*Worst element: \[0, 1\] -2.5 of eager, -3.75 of graph"):
        testing.assert_modes_agree(f, X)


def test_a_second_call_that_is_another_is_told():
    with pytest.raises(AssertionError, match="inputs.0. in mode|inputs.0.\n"):
        testing.assert_modes_agree(wrong_in(5), X, order=1)


def test_a_gradient_that_is_none_is_told():
    def f(x, w):
        return tf.stop_gradient(x) * tf.reduce_sum(w)

    with pytest.raises(AssertionError, match="the gradient of inputs.0. is None in mode"):
        testing.assert_modes_agree(f, [X, W])
    testing.assert_modes_agree(f, [X, W], allow_none=True)


def test_a_gradient_that_is_none_where_a_formula_says_another_is_told():
    with pytest.raises(AssertionError, match=r"gradient of inputs\[0\]"):
        testing.assert_gradient(lambda x, w: tf.stop_gradient(x) * w, [X, X], lambda x, w, dy: [dy * w, dy * x])


def test_an_error_of_the_function_names_the_mode():
    def f(x):
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        testing.assert_modes_agree(f, X)


def test_a_formula_is_held():
    testing.assert_gradient(reverse, X, lambda x, dy: -dy)
    testing.assert_gradient(dense, [X, W], lambda x, w, dy: formula(x, w, dy), order=2, tolerance=64)
    testing.assert_gradient(reverse, X, [-np.ones_like(X)])
    with pytest.raises(AssertionError, match=r"(?s)reverse: gradient of inputs\[0\].*6 / 6.*of expected"):
        testing.assert_gradient(reverse, X, lambda x, dy: dy)


def formula(x, w, dy):
    through = dy * (1 - np.tanh(x.dot(w)) ** 2)
    return [through.dot(w.T), x.T.dot(through)]


def test_finite_differences_tell_a_true_gradient_from_another():
    testing.assert_matches_numeric(dense, [X, W], order=2)
    with pytest.raises(AssertionError, match="of finite differences"):
        testing.assert_matches_numeric(reverse, X)


def test_a_surrogate_is_held():
    step = override_gradient(tf.sign, surrogate=tf.tanh)
    testing.assert_surrogate(step, tf.tanh, X)
    with pytest.raises(AssertionError, match="of surrogate"):
        testing.assert_surrogate(step, tf.sin, X)


def test_a_native_gradient_where_an_override_should_be_is_told():
    testing.assert_overridden(override_gradient(tf.tanh, lambda op, dy: -dy), X)
    testing.assert_overridden(reverse, X, native=lambda x: 2.0 * x)
    with pytest.raises(AssertionError, match="every gradient is the native one"):
        testing.assert_overridden(tf.tanh, X, native=tf.tanh)
    with pytest.raises(TypeError, match="native="):
        testing.assert_overridden(dense, [X, W])


@pytest.mark.skipif(not hasattr(tf, "keras"), reason="Keras came with 1.4")
def test_a_layer_s_own_variables_are_differentiated(functions):
    layer = tf.keras.layers.Dense(2, activation="tanh")
    testing.assert_modes_agree(layer, X)
    found = testing.value_and_gradients(layer, X)
    assert [gradient.shape for gradient in found.of_variables] == [(3, 2), (2,)]


@pytest.mark.skipif(not hasattr(tf, "keras"), reason="Keras came with 1.4")
def test_a_variable_of_a_layer_whose_gradient_is_none_is_named(functions):
    class Idle(tf.keras.layers.Layer):
        def build(self, shape):
            self.idle = self.add_weight(name="idle", shape=[], initializer="zeros")

        def call(self, x):
            return 2.0 * x

    with pytest.raises(AssertionError, match=r"the gradient of idle_one.trainable_variables\[0\] is None"):
        testing.assert_modes_agree(Idle(name="idle_one"), X)


@pytest.mark.skipif(not hasattr(tf, "keras"), reason="Keras came with 1.4")
def test_a_layer_in_a_graph_is_made_there():
    def make():
        return tf.keras.layers.Dense(2, kernel_initializer=tf.keras.initializers.Constant(0.25))

    testing.assert_modes_agree(testing.made_by(make), X)
    if not modes.HAS_EAGER:
        with pytest.raises(TypeError, match="made_by"):
            testing.assert_modes_agree(make(), X)


def test_senseless_arguments_are_told():
    with pytest.raises(ValueError, match="the modes are graph, eager"):
        testing.assert_modes_agree(dense, [X, W], modes=["grahp"])
    with pytest.raises(ValueError, match="order is 1 or 2"):
        testing.value_and_gradients(dense, [X, W], order=3)
    with pytest.raises(ValueError, match="none of the inputs"):
        testing.value_and_gradients(dense, [1, 2])
    with pytest.raises(TypeError, match="a callable"):
        testing.value_and_gradients(X, [X])
