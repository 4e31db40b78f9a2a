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


# --- guided backpropagation -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def explained(tmp_path_factory):
    """The names of guided_backprop.py after it has run, and the picture's path as `out`."""
    if not hasattr(tf.keras.losses, "SparseCategoricalCrossentropy"):
        pytest.skip("this TensorFlow has no tf.keras.losses.SparseCategoricalCrossentropy")
    tf.keras.backend.clear_session()
    return run_as_a_script("guided_backprop.py", "--out", str(tmp_path_factory.mktemp("examples") / "picture.png"))


def guided_in_a_legacy_graph(weights, images, labels):
    """Return the gradient of the CNN, written out in plain ops under gradient_override_map."""
    with tf.Graph().as_default() as graph:
        x = tf.constant(images)
        y = x
        with graph.gradient_override_map({"Relu": "TestExamplesGuidedRelu"}):
            for kernel, bias in zip(weights[0:6:2], weights[1:6:2]):
                y = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(y, tf.constant(kernel), [1, 1, 1, 1], "SAME"), bias))
        scores = tf.matmul(tf.reduce_mean(y, [1, 2]), tf.constant(weights[6])) + weights[7]
        (dx,) = tf.gradients(tf.reduce_sum(scores * tf.one_hot(labels, 10)), [x])
        with modes.v1.Session() as session:
            return session.run(dx)


@pytest.mark.skipif(not modes.HAS_GRAPHS, reason="this TensorFlow refuses tf.gradients once eager execution is enabled")
def test_guided_gradients_are_those_of_a_legacy_graph_with_the_same_weights(explained):
    images, labels = explained.images[:20], explained.labels[:20]
    guided = explained.override_gradient(explained.model, {"Relu": explained.guided_relu})
    found = explained.saliency(guided, images, labels)
    native = explained.saliency(explained.model, images, labels)
    modes.v1.RegisterGradient("TestExamplesGuidedRelu")(explained.guided_relu)
    expected = guided_in_a_legacy_graph(explained.model.get_weights(), images, labels)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * scale)
    assert np.abs(found - native).max() > 0.1 * scale


def test_the_cnn_has_learnt_the_digits_and_keeps_its_own_gradients(explained):
    images, labels = explained.images, explained.labels
    assert np.mean(explained.model.predict(images, verbose=0).argmax(axis=1) == labels) > 0.9
    before = explained.saliency(explained.model, images[:5], labels[:5])
    guided = explained.override_gradient(explained.model, {"Relu": explained.guided_relu})
    assert np.abs(explained.saliency(guided, images[:5], labels[:5]) - before).max() > 0.0
    np.testing.assert_array_equal(explained.saliency(explained.model, images[:5], labels[:5]), before)


def test_grad_cam_is_the_weighted_sum_of_the_features(explained):
    # After global average pooling the gradient of a score by a channel is the Dense layer's weight, divided by 64.
    model, images, labels = explained.model, explained.images[:8], explained.labels[:8]
    features = tf.keras.Model(model.inputs, model.get_layer("last_convolution").output).predict(images, verbose=0)
    expected = np.maximum(np.einsum("nhwc,cn->nhw", features, model.get_weights()[6][:, labels]), 0.0)
    expected /= expected.max(axis=(1, 2), keepdims=True)
    found = explained.grad_cam(model, images, labels)[..., 0]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_the_picture_is_saved(explained):
    from matplotlib import image

    picture = image.imread(explained.out)
    assert picture.shape[0] >= 900 and picture.shape[1] >= 900
    columns = np.array_split(picture[..., :3], 5, axis=1)
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
