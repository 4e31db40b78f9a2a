"""The two programs in tests/examples, as a user runs them, do what they say: on a trained network, in every mode."""

import re
import runpy
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests import modes
from tests.keras.models import KERASES, gradients

EXAMPLES = Path(__file__).resolve().parent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not KERASES, reason="before 1.13 tf.keras is not what the examples are written for"),
    pytest.mark.skipif(
        modes.BEHAVIOUR == "v1" and hasattr(tf.keras.optimizers, "legacy"),
        reason="the optimizers of this Keras do not work without eager mode",
    ),
]


def run_as_a_script(name, *arguments):
    """Run a program of the examples; return its names."""
    path = str(EXAMPLES / name)
    argv, sys.argv = sys.argv, [path] + list(arguments)
    try:
        return types.SimpleNamespace(**runpy.run_path(path, run_name="__main__"))
    finally:
        sys.argv = argv


# --- saliency -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def explained(tmp_path_factory):
    """The names of saliency.py after it has run, and the picture's path as `out`."""
    if not hasattr(tf.keras.losses, "SparseCategoricalCrossentropy"):
        pytest.skip("this TensorFlow has no tf.keras.losses.SparseCategoricalCrossentropy")
    path = str(tmp_path_factory.mktemp("examples") / "picture.png")
    names = run_as_a_script("saliency.py", "--out", path)
    names.out = path
    return names


def guided_in_a_legacy_graph(weights, pictures, labels):
    """Return the gradient of the CNN, written out in plain ops under gradient_override_map."""
    *kernels, matrix, bias = weights
    with tf.Graph().as_default() as graph:
        x = tf.constant(pictures)
        y = x
        with graph.gradient_override_map({"Relu": "TestExamplesGuidedRelu"}):
            for kernel, stride in zip(kernels, (1, 2, 2, 1)):
                y = tf.nn.relu(tf.nn.conv2d(y, tf.constant(kernel), [1, stride, stride, 1], "SAME"))
        scores = tf.matmul(tf.reduce_mean(y, [1, 2]), tf.constant(matrix)) + bias
        (dx,) = tf.gradients(tf.reduce_sum(scores * tf.one_hot(labels, 4)), [x])
        with modes.v1.Session() as session:
            return session.run(dx)


@pytest.mark.skipif(not modes.HAS_GRAPHS, reason="this TensorFlow refuses tf.gradients once eager execution is enabled")
def test_guided_gradients_are_those_of_a_legacy_graph_with_the_same_weights(explained):
    pictures, labels = explained.pictures[:20], explained.labels[:20]
    found = explained.guided_backpropagation(explained.model, pictures, labels)
    native = explained.saliency(explained.model, pictures, labels)
    modes.v1.RegisterGradient("TestExamplesGuidedRelu")(explained.guided_relu)
    expected = guided_in_a_legacy_graph(explained.model.get_weights(), pictures, labels)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * scale)
    assert np.abs(found - native).max() > 0.1 * scale


def test_the_cnn_has_learnt_the_shapes_and_keeps_its_own_gradients(explained):
    pictures, labels = explained.pictures, explained.labels
    assert np.mean(explained.model.predict(pictures, verbose=0).argmax(axis=1) == labels) > 0.9
    before = explained.saliency(explained.model, pictures[:5], labels[:5])
    guided = explained.guided_backpropagation(explained.model, pictures[:5], labels[:5])
    assert np.abs(guided - before).max() > 0.0
    np.testing.assert_array_equal(explained.saliency(explained.model, pictures[:5], labels[:5]), before)


def test_grad_cam_is_the_weighted_sum_of_the_features(explained):
    # After global average pooling the gradient of a score by a channel is the Dense layer's weight, divided by 64.
    model, pictures, labels = explained.model, explained.pictures[:8], explained.labels[:8]
    features = tf.keras.Model(model.inputs, model.get_layer("last_convolution").output).predict(pictures, verbose=0)
    expected = np.maximum(np.einsum("nhwc,cn->nhw", features, model.get_weights()[-2][:, labels]), 0.0)
    expected /= expected.max(axis=(1, 2), keepdims=True)
    found = explained.grad_cam(model, pictures, labels)[:, ::4, ::4, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_relevance_is_conserved(explained):
    relevance = explained.relevance_propagation(explained.model, explained.pictures[:20], explained.labels[:20])
    np.testing.assert_allclose(relevance.sum(axis=(1, 2, 3)), np.ones(20), rtol=1e-4)


def test_deep_lift_sums_up_to_the_difference_of_the_scores(explained):
    pictures, labels = explained.pictures[:20], explained.labels[:20]
    parts = explained.deep_lift(explained.model, pictures, labels).sum(axis=(1, 2, 3))
    scores = explained.model.predict(np.concatenate([pictures, np.zeros_like(pictures[:1])]), verbose=0)
    expected = (scores[:-1] - scores[-1])[np.arange(20), labels]
    np.testing.assert_allclose(parts, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("method", ["guided_backpropagation", "grad_cam", "relevance_propagation", "deep_lift"])
def test_the_answers_point_at_the_shape(explained, method):
    pictures, labels, masks = explained.pictures[:40], explained.labels[:40], explained.masks[:40]
    answers = np.abs(getattr(explained, method)(explained.model, pictures, labels)[..., 0])
    near = np.any([np.roll(masks, step, (1, 2)) for step in ((2, 2), (-2, -2), (2, -2), (-2, 2))], axis=0)
    assert np.sum(answers[near]) / np.sum(answers) > 1.5 * np.mean(near)


def test_the_picture_is_saved(explained):
    from matplotlib import image

    picture = image.imread(explained.out)
    assert picture.shape[0] >= 500 and picture.shape[1] >= 700
    columns = np.array_split(picture[..., :3], 6, axis=1)
    assert all(column.std() > 0.05 for column in columns), "a column is blank"


# --- domain-adversarial training ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def adversarial():
    """The names of domain_adversarial.py, which has not run."""
    return types.SimpleNamespace(**runpy.run_path(str(EXAMPLES / "domain_adversarial.py")))


def test_the_schedule_sets_the_scale_of_the_reversed_gradient(adversarial):
    tf.keras.backend.clear_session()
    scale = tf.Variable(0.0, trainable=False)
    x = tf.keras.Input((3,))
    model = tf.keras.Model(x, adversarial.reverse(x, scale))
    schedule = adversarial.ReversalSchedule(scale, 2.0, epochs=10)
    array = np.array([[1.0, -2.0, 3.0]], np.float32)
    for epoch, expected in ((0, 0.0), (1, 2.0 * np.tanh(0.5)), (9, 2.0 * np.tanh(4.5))):
        schedule.on_epoch_begin(epoch)
        y, dx = gradients(tf.keras, model, array)
        np.testing.assert_array_equal(y, array)
        np.testing.assert_allclose(dx, np.full_like(array, -expected), rtol=1e-6)


def test_reversal_helps_on_the_target_domain(capsys):
    run_as_a_script("domain_adversarial.py", "--seeds", "1")
    printed = capsys.readouterr().out
    found = re.findall(r"^seed 0, (with\w*) reversal: source ([\d.]+), target ([\d.]+)$", printed, re.MULTILINE)
    (_, source_without, without), (_, source_with, with_reversal) = found
    assert [kind for kind, _, _ in found] == ["without", "with"]
    assert float(source_without) > 0.9 and float(source_with) > 0.9
    assert float(with_reversal) > float(without) + 0.1, printed
