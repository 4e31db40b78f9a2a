"""Op-level overrides of a forward that brings gradients of its own along, which build and differentiate ops."""

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from tests import modes
from tests.modes import assert_same_bits

X = np.array([[0.5, -1.25, 3.0], [1.5, 2.0, -7.5]], np.float32)

pytestmark = pytest.mark.skipif(not modes.HAS_FUNCTIONS, reason="this TensorFlow process has no tf.function")


def ten(op, dy):
    return 10.0 * dy


def first(mode, f):
    def program(differentiate, x):
        return list(differentiate(f, [x], [2.0])[1])

    return mode.run(program, X)


def recomputed(x):
    """The gradient is that of ops which its function builds."""

    @tf.custom_gradient
    def inner(x):
        def gradient(dy):
            with tf.GradientTape() as tape:
                again = tf.identity(x)
                tape.watch(again)
                y = tf.nn.relu(again)
            return tape.gradient(y, again, dy)

        return tf.nn.relu(x), gradient

    return inner(x)


def differentiated(x):
    """The gradient is that of ops which forward has built, by a tape of its own."""

    @tf.custom_gradient
    def inner(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.nn.relu(x)
        found = tape.gradient(y, x)
        return y, lambda dy: dy * found

    return inner(x)


def written_out(x):
    """The gradient is a formula: the op in it is no concern of the override's."""

    @tf.custom_gradient
    def inner(x):
        return tf.nn.relu(x) * 1.0, lambda dy: dy * tf.nn.relu(x)

    return inner(x) + tf.nn.relu(x)


CASES = {
    "recomputed": (recomputed, np.full_like(X, 2 * 10)),
    "recomputed, not at the end": (lambda x: tf.nn.relu(recomputed(x) * 1.0), np.full_like(X, 2 * 100)),
    "differentiated": (differentiated, np.full_like(X, 2 * 10)),
    "written out": (written_out, 2 * (np.maximum(X, 0) + 10)),
}


@pytest.mark.parametrize("case", CASES)
def test_custom_gradient(mode, case):
    forward, expected = CASES[case]
    f = override_gradient(forward, {"Relu": ten})
    for _ in range(2):
        assert_same_bits(first(mode, f), [expected])


@pytest.mark.skipif(not modes.IS_TF2, reason="tf.recompute_grad of TensorFlow 1.15 is another one")
def test_recompute_grad(mode):
    if mode.is_graph:
        pytest.skip("tf.recompute_grad wants resource variables and functions")
    w = tf.Variable(tf.fill([3], 2.0))
    net = tf.recompute_grad(lambda x: tf.nn.relu(x * w))
    f = override_gradient(lambda x: net(x) * 1.0, {"Relu": ten})
    for _ in range(2):
        assert_same_bits(first(mode, f), [np.full_like(X, 2 * 10 * 2)])


def test_the_custom_gradient_itself_is_left_as_it_was_for_others(mode):
    override_gradient(recomputed, {"Relu": ten})
    native = 2 * (X > 0).astype(np.float32)
    assert_same_bits(first(mode, recomputed), [native])


@pytest.mark.skipif(not hasattr(tf, "autodiff"), reason="TensorFlow has op callbacks from 2.1 on")
def test_what_neither_a_trace_nor_op_by_op_reaches_is_refused():
    def forward(x):
        features = recomputed(x)
        return features, features * features

    f = override_gradient(forward, {"Relu": ten}, name="net")
    x = tf.constant(X)
    for _ in range(2):
        f(x)  # nobody can ask for a gradient
        with tf.GradientTape() as tape:
            tape.watch(x)
            with pytest.raises(ValueError, match="'net': in eager mode .*tf.recompute_grad.*Open the tape inside"):
                f(x)

    @tf.function
    def inside(x):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            features, scores = f(x)
        return tape.gradient(scores, features), tape.gradient(scores, x)

    y = np.maximum(X, 0)
    assert_same_bits(modes.to_arrays(inside(x)), [2 * y, 10 * 2 * y])


@pytest.mark.skipif(not hasattr(tf, "autodiff"), reason="TensorFlow has op callbacks from 2.1 on")
def test_a_formula_of_its_own_does_not_keep_it_from_going_op_by_op():
    def forward(x):
        features = tf.custom_gradient(lambda x: (tf.nn.relu(x), lambda dy: 3.0 * dy))(x) + tf.nn.relu(x)
        return features, features * features

    f = override_gradient(forward, {"Relu": ten})
    x = tf.constant(X)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        features, scores = f(x)
    y = np.maximum(X, 0)
    expected = [2 * (2 * y), 2 * (2 * y) * (3 + 10)]
    assert_same_bits(modes.to_arrays([tape.gradient(scores, features), tape.gradient(scores, x)]), expected)


@pytest.mark.skipif(not hasattr(tf, "autodiff"), reason="TensorFlow has op callbacks from 2.1 on")
def test_py_function(mode):
    def forward(x):
        inside = tf.py_function(lambda x: tf.nn.relu(x) * float(x.numpy().shape[0]), [x], tf.float32)
        inside.set_shape(x.shape)
        return inside + tf.nn.relu(x)

    if mode is modes.EAGER:
        f = override_gradient(lambda x: forward(x + x.numpy() * 0), {"Relu": ten})
        assert_same_bits(first(mode, f), [np.full_like(X, 2 * (2 * 10 + 10))])
    if mode in (modes.EAGER, modes.TAPE_OUTSIDE) and not _py_function_has_a_gradient_outside():
        pytest.skip("TensorFlow itself fails to differentiate a tf.function with a tf.py_function in it (2.1)")
    f = override_gradient(forward, {"Relu": ten})
    for _ in range(2):
        assert_same_bits(first(mode, f), [np.full_like(X, 2 * (2 * 10 + 10))])


def _py_function_has_a_gradient_outside():
    try:
        first(modes.TAPE_OUTSIDE, lambda x: tf.py_function(lambda x: x * 1.0, [x], tf.float32))
    except TypeError:
        return False
    return True
