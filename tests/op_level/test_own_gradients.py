"""Op-level overrides of a forward that brings gradients of its own along, which build and differentiate ops."""

import functools
import threading

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import _tf, override_gradient
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


@pytest.mark.parametrize("case", CASES)
def test_custom_gradient_inside_of_two_overrides(mode, case):
    """Each has the gradients of its own types, and of one that both have it is the inner one's."""
    forward, expected = CASES[case]
    doubled = {"Square": lambda op, dy: 7.0 * dy, "Relu": lambda op, dy: 2.0 * dy}
    inner = override_gradient(lambda x: tf.square(forward(x)), {"Square": doubled["Square"]})
    both = override_gradient(lambda x: tf.square(forward(x)), doubled)
    f = override_gradient(lambda x: inner(x) + tf.nn.relu(x), {"Relu": ten})
    g = override_gradient(lambda x: both(x) + tf.nn.relu(x), {"Relu": ten})
    of_forward = expected - 2 * np.maximum(X, 0) if case == "written out" else expected  # what Relu's gradient makes
    left = expected - of_forward
    for _ in range(2):
        assert_same_bits(first(mode, f), [7 * expected + 20])
        powers = 2 if case == "recomputed, not at the end" else 1
        assert_same_bits(first(mode, g), [7 * (left + of_forward / np.float32(5**powers)) + 20])


CONSUMERS = {
    "a function": lambda y: tf.function(lambda y: 3.0 * y)(y),
    "a function that captures it": lambda y: tf.function(lambda: 3.0 * y)(),
    "another override": override_gradient(lambda y: y * y, lambda op, dy: 3.0 * dy),
    "tf.stop_gradient, and itself": lambda y: tf.stop_gradient(y) + 3.0 * y,
    "a loop": lambda y: tf.while_loop(lambda i, y: i < 1, lambda i, y: (i + 1, 3.0 * y), (0, y))[1],
}


@pytest.mark.parametrize("consumer", CONSUMERS)
def test_custom_gradient_whose_first_user_is(mode, consumer):
    """TensorFlow stops recording while it calls a function, and tapes are told of ours when the first user is built."""
    f = override_gradient(lambda x: CONSUMERS[consumer](recomputed(x)), {"Relu": ten})
    for _ in range(2):
        assert_same_bits(first(mode, f), [np.full_like(X, 2 * 3 * 10)])


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


NEEDS_OP_CALLBACKS = pytest.mark.skipif(not hasattr(tf, "autodiff"), reason="TensorFlow has op callbacks from 2.1 on")


def features_and_scores(x):
    features = recomputed(x)
    return features, features * features


def scores_by_features(f, x):
    """Return the gradients of the scores by the features, and by x."""
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        features, scores = f(x)
    return tape.gradient(scores, features), tape.gradient(scores, x)


@functools.lru_cache(maxsize=None)
def functions_differentiate_py_functions():
    """Whether TensorFlow itself does, with the tape outside (not on 2.1 to 2.4)."""
    try:
        first(modes.TAPE_OUTSIDE, lambda x: tf.reshape(tf.py_function(tf.square, [x], tf.float32), x.shape))
    except TypeError:
        return False
    return True


@NEEDS_OP_CALLBACKS
def test_py_function_inside_of_two_overrides(mode):
    if mode in (modes.EAGER, modes.TAPE_OUTSIDE) and not functions_differentiate_py_functions():
        pytest.skip("this TensorFlow fails to differentiate a tf.py_function in a function with the tape outside")

    def forward(x):
        y = tf.py_function(lambda x: tf.square(tf.nn.relu(x)), [x], tf.float32)
        return tf.square(tf.reshape(y, x.shape))

    inner = override_gradient(forward, {"Square": lambda op, dy: 7.0 * dy})
    f = override_gradient(lambda x: tf.nn.relu(inner(x)), {"Relu": ten})
    for _ in range(2):
        assert_same_bits(first(mode, f), [np.full_like(X, 2 * 10 * 7 * 7 * 10)])


@NEEDS_OP_CALLBACKS
def test_op_by_op_where_outputs_are_made_of_each_other():
    f = override_gradient(features_and_scores, {"Relu": ten})
    x, y = tf.constant(X), np.maximum(X, 0)
    for each in (f, f, tf.function(lambda x: scores_by_features(f, x))):
        found = each(x) if each is not f else scores_by_features(f, x)
        assert_same_bits(modes.to_arrays(found), [2 * y, 10 * 2 * y])


@NEEDS_OP_CALLBACKS
@pytest.mark.parametrize("inner", [recomputed, tf.recompute_grad(tf.nn.relu) if modes.IS_TF2 else None])
def test_op_by_op_where_forward_cannot_be_traced(inner):
    def forward(x):
        assert x.numpy().shape == X.shape
        return inner(x) * 3.0

    f = override_gradient(forward, {"Relu": ten})
    for _ in range(2):
        assert_same_bits(first(modes.EAGER, f), [np.full_like(X, 2 * 3 * 10)])
    assert_same_bits(first(modes.EAGER, inner), [2 * (X > 0).astype(np.float32)])


@NEEDS_OP_CALLBACKS
def test_op_by_op_another_thread_keeps_its_own_gradients():
    found = []

    def forward(x):
        assert x.numpy().shape == X.shape
        stranger = threading.Thread(target=lambda: found.append(first(modes.EAGER, recomputed)))
        stranger.start()
        stranger.join()
        return recomputed(x) * 3.0

    f = override_gradient(forward, {"Relu": ten})
    for _ in range(2):
        assert_same_bits(first(modes.EAGER, f), [np.full_like(X, 2 * 3 * 10)])
        assert_same_bits(found.pop(), [2 * (X > 0).astype(np.float32)])


@NEEDS_OP_CALLBACKS
def test_op_by_op_where_forward_keeps_what_it_computes():
    kept = []

    def forward(x):
        kept.append(recomputed(x))
        return kept[-1] * 3.0

    f = override_gradient(forward, {"Relu": ten})
    x = tf.constant(X)
    for _ in range(2):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            y = f(x)
        found = [tape.gradient(y, kept[-1]), tape.gradient(kept[-1], x), tape.gradient(y, x)]
        assert_same_bits(modes.to_arrays(found), [np.full_like(X, 3), np.full_like(X, 10), np.full_like(X, 30)])


@NEEDS_OP_CALLBACKS
def test_the_second_derivative_op_by_op():
    def forward(x):
        assert x.numpy().shape == X.shape
        return tf.recompute_grad(tf.nn.relu)(x) * 3.0

    f = override_gradient(forward, {"Relu": lambda op, dy: 10.0 * dy * op.inputs[0] * op.inputs[0]})
    x = tf.constant(X)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        gradient = tape.gradient(y, x)
    assert_same_bits(modes.to_arrays([gradient, outer.gradient(gradient, x)]), [30 * X * X, 60 * X])


@NEEDS_OP_CALLBACKS
def test_what_neither_a_trace_nor_op_by_op_reaches_is_refused(monkeypatch):
    """Where TensorFlow hides how tf.custom_gradient tells tapes of what it has."""
    monkeypatch.setattr(_tf, "tells_of_own_gradients", False)
    f = override_gradient(features_and_scores, {"Relu": ten}, name="net")
    x = tf.constant(X)
    for _ in range(2):
        f(x)  # nobody can ask for a gradient
        with pytest.raises(ValueError, match="'net': in eager mode .*tf.recompute_grad.*Open the tape inside"):
            scores_by_features(f, x)
    y = np.maximum(X, 0)
    inside = tf.function(lambda x: scores_by_features(f, x))
    assert_same_bits(modes.to_arrays(inside(x)), [2 * y, 10 * 2 * y])
