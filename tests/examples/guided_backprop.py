"""Guided backpropagation and Grad-CAM on a Keras CNN that was built and trained before anybody thought of them.

    python guided_backprop.py --out picture.png

The same code runs with TensorFlow 1.14 and later, in graphs and eagerly. It needs scikit-learn and Matplotlib. Sources:
Springenberg et al., "Striving for Simplicity", 2014 (guided backpropagation); Selvaraju et al., "Grad-CAM", 2016.
"""

import argparse

import matplotlib
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

from compat_grad import override_gradient

keras = tf.keras
layers = keras.layers


def load_data():
    """Return the 1,797 digits [n, 8, 8, 1], shuffled, and their labels; the last 360 are for the test."""
    digits = load_digits()
    order = np.random.RandomState(0).permutation(len(digits.target))
    return (digits.images[order, :, :, np.newaxis] / 16.0).astype(np.float32), digits.target[order].astype(np.int32)


def trained_cnn(images, labels, epochs=15):
    """Return an ordinary CNN, trained; nothing in it knows of gradients to come."""
    model = keras.Sequential(
        [
            layers.InputLayer((8, 8, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 3, padding="same", activation="relu", name="last_convolution"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10),
        ]
    )
    model.compile(keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images, labels, batch_size=32, epochs=epochs, verbose=0)
    return model


def guided_relu(op, dy):
    """The gradient of a Relu that lets nothing negative through."""
    return tf.nn.relu(dy) * tf.cast(op.outputs[0] > 0.0, dy.dtype)


def score_gradient(f, images, labels):
    """Return `inner`, where inner, scores = f(images), and the gradient of each image's score for its label by it."""

    def inner_and_score(x):
        inner, scores = f(x)
        return inner, tf.reduce_sum(scores * tf.one_hot(labels, 10))

    x = tf.constant(images)
    if tf.executing_eagerly():
        with tf.GradientTape() as tape:
            tape.watch(x)
            inner, score = inner_and_score(x)
        return inner.numpy(), tape.gradient(score, inner).numpy()
    inner, score = inner_and_score(x)
    return tf.compat.v1.keras.backend.get_session().run([inner, tf.gradients(score, inner)[0]])


def saliency(f, images, labels):
    """Return the gradient of each image's score by its pixels; f is a model, or an override of one."""
    return score_gradient(lambda x: (x, f(x)), images, labels)[1]


def grad_cam(model, images, labels):
    """Return where in each image the last convolution sees its label: [n, 8, 8, 1], from 0 to 1."""
    split = keras.Model(model.inputs, [model.get_layer("last_convolution").output, model.outputs[0]])
    features, gradient = score_gradient(split, images, labels)
    weights = gradient.mean(axis=(1, 2), keepdims=True)
    maps = np.maximum(np.sum(weights * features, axis=-1, keepdims=True), 0.0)
    return maps / np.maximum(maps.max(axis=(1, 2), keepdims=True), 1e-12)


def draw(columns, labels, path):
    """Save a picture with a column for each (title, colour map, images) and a row for each label."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(labels), len(columns), figsize=(2 * len(columns), 1.9 * len(labels) + 0.5))
    for column, (title, colour_map, images) in enumerate(columns):
        axes[0, column].set_title(title, fontsize=12)
        for axis, image in zip(axes[:, column], images[..., 0]):
            top = np.abs(image).max()
            axis.imshow(image, cmap=colour_map, vmin=-top if colour_map == "RdBu_r" else 0.0, vmax=top)
            axis.set(xticks=[], yticks=[])
    for axis, label in zip(axes[:, 0], labels):
        axis.set_ylabel("score for {}".format(label), fontsize=11)
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def explain(model, images, labels, path):
    """Save a picture of why model gives each image its score for its label."""
    guided = override_gradient(model, {"Relu": guided_relu})  # the model itself stays as it was
    guided_gradients, maps = saliency(guided, images, labels), grad_cam(model, images, labels)
    columns = [("input", "gray_r", images), ("gradient", "RdBu_r", saliency(model, images, labels))]
    columns += [("guided\nbackpropagation", "RdBu_r", guided_gradients), ("Grad-CAM", "magma", maps)]
    draw(columns + [("guided\nGrad-CAM", "RdBu_r", guided_gradients * maps)], labels, path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="picture.png", help="where to save the picture")
    out = parser.parse_args().out
    images, labels = load_data()
    model = trained_cnn(images[:-360], labels[:-360])
    images, labels = images[-360:], labels[-360:]
    print(
        "accuracy on the test digits: {:.3f}".format(np.mean(model.predict(images, verbose=0).argmax(axis=1) == labels))
    )
    first = [int(np.argmax(labels == digit)) for digit in range(5)]
    explain(model, images[first], labels[first], out)
