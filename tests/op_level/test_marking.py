"""Ops of a graph under construction: tapes and accumulators that listen meanwhile get the overridden gradients."""

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from tests import modes
from tests.modes import assert_same_bits

X = np.array([[0.5, -1.25, 3.0], [1.5, 2.0, -7.5]], np.float32)
Y = np.maximum(X, 0)


def ten_x(op, dy):
    return 10.0 * dy * op.inputs[0]


def through_outputs(op, dy):
    return 3.0 * dy * op.outputs[0]


def features_and_scores(x):
    """Two outputs, the second made of the first, as Grad-CAM wants them."""
    features = tf.nn.relu(x)
    return features, tf.reduce_sum(tf.nn.relu(features * features), 1)


def function_of(program):
    """Return a call of program in a tf.function with its results as arrays."""
    traced = tf.function(program, autograph=False)
    return lambda *arrays: modes.to_arrays(traced(*[tf.constant(array) for array in arrays]))


def tape(persistent=False):
    return tf.GradientTape(persistent=persistent)


def test_the_gradient_of_one_output_by_another_with_the_tape_inside_a_function(functions):
    f = override_gradient(features_and_scores, {"Relu": ten_x})

    def grad_cam(x):
        with tape(persistent=True) as listening:
            listening.watch(x)
            features, scores = f(x)
        return listening.gradient(scores, features), listening.gradient(scores, x), listening.gradient(features, x)

    call = function_of(grad_cam)
    for _ in range(2):
        by_features, by_x, features_by_x = call(X)
        assert_same_bits(by_features, 2 * Y * 10 * (Y * Y))
        assert_same_bits(by_x, 10 * (2 * Y * 10 * (Y * Y)) * X)
        assert_same_bits(features_by_x, 10 * X)


def test_a_tape_opened_and_asked_inside_forward(functions):
    def forward(x):
        with tape() as listening:
            listening.watch(x)
            y = tf.nn.relu(x)
        return listening.gradient(y, x) * 1.0

    f = override_gradient(forward, {"Relu": ten_x})
    assert_same_bits(function_of(f)(X), 10 * X)
    assert_same_bits(modes.to_arrays(f(tf.constant(X))), 10 * X)


def test_an_intermediate_result_that_the_tape_inside_a_function_watches(functions):
    kept = {}

    def forward(x):
        kept["h"] = tf.nn.relu(x)
        kept["tape"].watch(kept["h"])
        return tf.nn.relu(kept["h"] * 2.0)

    f = override_gradient(forward, {"Relu": ten_x})

    def program(x):
        with tape() as kept["tape"]:
            y = f(x)
        return kept["tape"].gradient(y, kept["h"])

    assert_same_bits(function_of(program)(X), 2 * 10 * (2 * Y))


def test_second_derivatives_between_outputs(functions):
    f = override_gradient(
        lambda x: (lambda h: (h, tf.nn.relu(h * 2.0)))(tf.nn.relu(x)), {"Relu": through_outputs}, name="pair"
    )

    def program(x):
        with tape() as outer:
            outer.watch(x)
            with tape() as inner:
                inner.watch(x)
                features, scores = f(x)
            by_features = inner.gradient(scores, features)
        return by_features, outer.gradient(by_features, x)

    by_features, second = function_of(program)(X)
    assert_same_bits(by_features, 2 * 3 * (2 * Y))
    # through scores (its own gradient, 3 * 2y, times 2) and features (3y)
    assert_same_bits(second, 6 * (3 * (2 * Y)) * 2 * (3 * Y))


def test_forward_mode_inside_a_function(functions):
    if not hasattr(tf, "autodiff"):
        pytest.skip("this TensorFlow has no ForwardAccumulator")
    f = override_gradient(features_and_scores, {"Relu": ten_x})
    tangent = np.full_like(X, 0.5)

    def program(x):
        with tf.autodiff.ForwardAccumulator(x, tf.constant(tangent)) as accumulator:
            features, scores = f(x)
        return accumulator.jvp(features), accumulator.jvp(scores)

    of_features, of_scores = function_of(program)(X)
    assert_same_bits(of_features, 10 * X * tangent)
    np.testing.assert_allclose(of_scores, np.sum(10 * (Y * Y) * (2 * Y * (10 * X * tangent)), 1), rtol=1e-6)


def test_forward_over_reverse_inside_a_function(functions):
    if not hasattr(tf, "autodiff"):
        pytest.skip("this TensorFlow has no ForwardAccumulator")
    f = override_gradient(lambda x: tf.nn.relu(x) * 2.0, {"Relu": ten_x})

    def program(x):
        with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
            with tape() as listening:
                listening.watch(x)
                y = f(x)
            gradient = listening.gradient(y, x)
        return gradient, accumulator.jvp(gradient)

    gradient, product = function_of(program)(X)
    assert_same_bits(gradient, 20 * X)
    assert_same_bits(product, np.full_like(X, 20))


def test_a_gradient_function_that_uses_the_op_that_it_overrides(functions):
    """Guided backpropagation: forward mode calls it while its op is being recorded."""
    f = override_gradient(tf.nn.relu, {"Relu": lambda op, dy: tf.nn.relu(op.inputs[0]) * dy})

    def by_tape(x):
        with tape() as listening:
            listening.watch(x)
            y = f(x)
        return listening.gradient(y, x)

    assert_same_bits(function_of(by_tape)(X), Y)
    if not hasattr(tf, "autodiff"):
        return  # the rest is forward mode's

    def forward_mode(x):
        with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
            y = f(x)
        return accumulator.jvp(y)

    assert_same_bits(function_of(forward_mode)(X), Y)


def test_an_op_of_the_type_that_passes_its_input_on(functions):
    """The inputs of an overridden op are led through an identity, which is not one of forward's."""
    for op_type, forward in (("Identity", tf.identity), ("IdentityN", lambda x: tf.identity_n([x])[0])):
        f = override_gradient(lambda x: forward(x) * 1.0, {op_type: lambda op, dy: -7.0 * dy})  # noqa: B023
        for mode in modes.MODES:
            with mode.scope():
                _, gradients = mode.run(lambda differentiate, x: differentiate(f, [x]), X)  # noqa: B023
            assert_same_bits(gradients, [np.full_like(X, -7)], mode.name)


def test_what_works_on_the_handle_of_a_variable(functions):
    w = tf.Variable(X)
    f = override_gradient(lambda x: x * tf.gather(w, [0, 1]), {"ResourceGather": lambda op, dy: [-7.0 * dy, None]})

    def program(x):
        with tape() as listening:
            y = f(x)
        return tf.convert_to_tensor(listening.gradient(y, w))

    assert_same_bits(function_of(program)(X), -7 * X)


def test_slices_of_a_variable_whose_indices_are_an_input_of_the_op(functions):
    w, rows = tf.Variable(np.zeros([3, 2], np.float32)), tf.constant([0, 2])

    def slices(op, dy):
        return [tf.IndexedSlices(-7.0 * dy, op.inputs[1], tf.constant([3, 2])), None]

    f = override_gradient(lambda rows: tf.gather(w, rows), {"ResourceGather": slices})

    def gradient(f):
        with tape() as listening:
            y = f(rows)
        return tf.convert_to_tensor(listening.gradient(y, w))

    wanted = np.float32([[-7, -7], [0, 0], [-7, -7]])
    outside = tf.function(f, autograph=False)
    for found in (gradient(f), gradient(f), gradient(outside), function_of(lambda: gradient(f))()):
        assert_same_bits(modes.to_arrays(found), wanted)


def test_where_the_device_is_taken_back(functions):
    """Under tf.device(None) TensorFlow asks no outer device function."""

    def forward(x):
        with tf.device(None):
            return tf.nn.relu(x) * 1.0

    f = override_gradient(forward, {"Relu": ten_x})

    def program(x):
        with tape() as listening:
            listening.watch(x)
            y = f(x)
        return listening.gradient(y, x)

    if hasattr(tf, "autodiff"):  # and op callbacks, which came with the same release
        assert_same_bits(function_of(program)(X), 10 * X)
        return
    with pytest.raises(ValueError, match="the Relu op .* was built where .*under tf.device.*Name a device there"):
        function_of(program)(X)
