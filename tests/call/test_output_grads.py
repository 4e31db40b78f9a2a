"""What backward is handed as output_grads: dense tensors, in every mode, unless it asks for IndexedSlices."""

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from tests import modes
from tests.modes import assert_same_bits

X = np.array([[0.5, -1.25], [3.0, 2.0], [-7.5, 1.0]], np.float32)
ROWS = [0, 2, 0]
OF_ROWS = np.array([[2.0, 2.0], [0.0, 0.0], [1.0, 1.0]], np.float32)  # the gradient of the sum of x's ROWS


def rows_of(f):
    """Return x -> some rows of f(x): TensorFlow makes the gradient of f's output IndexedSlices."""
    return lambda x: tf.gather(f(x), ROWS)


LEVELS = {
    "a whole function": lambda backward: rows_of(override_gradient(tf.abs, backward)),
    "ops": lambda backward: override_gradient(rows_of(tf.abs), {"Abs": backward}),
}


@pytest.fixture(params=sorted(LEVELS))
def level(request, mode):
    if request.param == "ops" and modes.executing_eagerly() and not modes.HAS_FUNCTIONS:
        pytest.skip("TensorFlow has tf.function from 1.14 on")
    return LEVELS[request.param]


def tenfold(seen):
    """Return a backward that notes the type of what it is handed."""

    def backward(op, dy):
        seen.append(type(dy))
        return 10.0 * tf.convert_to_tensor(dy)

    return backward


def gradients_of_two_calls(mode, override):
    return mode.run(lambda differentiate, x: [differentiate(override, [x])[1][0] for _ in range(2)], X)


def test_output_grads_are_dense(mode, level):
    seen = []
    assert_same_bits(gradients_of_two_calls(mode, level(tenfold(seen))), [10.0 * OF_ROWS] * 2)
    assert seen and tf.IndexedSlices not in seen


def test_a_backward_may_ask_for_indexed_slices(mode, level):
    seen = []
    backward = tenfold(seen)
    backward.accepts_indexed_slices = True
    assert_same_bits(gradients_of_two_calls(mode, level(backward)), [10.0 * OF_ROWS] * 2)
    assert tf.IndexedSlices in seen


def test_a_registered_backward_may_ask_for_them_too(mode):
    seen = []
    backward = tenfold(seen)
    backward.accepts_indexed_slices = True
    name = "test_output_grads_{}".format(abs(hash(mode.name)))
    modes.v1.RegisterGradient(name)(backward)
    override = rows_of(override_gradient(tf.abs, name))
    assert_same_bits(gradients_of_two_calls(mode, override), [10.0 * OF_ROWS] * 2)
    assert tf.IndexedSlices in seen


def test_slices_that_do_not_tell_their_dense_shape_are_made_dense(mode):
    def slices(op, dy):
        return tf.IndexedSlices(tf.gather(dy, ROWS), tf.constant(ROWS))

    seen = []
    outer = override_gradient(tf.identity, slices, name="outer")
    inner = override_gradient(tf.identity, tenfold(seen), name="inner")
    assert_same_bits(gradients_of_two_calls(mode, lambda x: outer(inner(x))), [10.0 * OF_ROWS] * 2)
    assert seen and tf.IndexedSlices not in seen


def has_zeros_of_bfloat16():
    with tf.Graph().as_default():
        try:
            tf.zeros([2], tf.bfloat16)
        except (TypeError, ValueError):
            return False
    return True


@pytest.mark.skipif(not has_zeros_of_bfloat16(), reason="this TensorFlow makes no zeros of bfloat16 (to 1.4)")
def test_an_unused_output_has_zeros_also_where_tensorflow_has_no_gradient(graph):
    """To 2.0 tf.gradients has none for a bfloat16."""

    def backward(op, dy, of_unused):
        return 10.0 * dy + tf.cast(of_unused, tf.float32)

    f = override_gradient(lambda x: (tf.abs(x), tf.cast(x, tf.bfloat16)), backward)
    (gradient,) = modes.GRAPH.run(lambda differentiate, x: differentiate(lambda x: f(x)[0], [x])[1], X)
    assert_same_bits(gradient, np.full_like(X, 10))
