"""Why does the network say so? Answers about a Keras CNN that was built and trained before anybody thought of them.

    python saliency.py --out picture.png

The network finds white shapes on photographs: one sees at once whether an answer points at the shape. The same code
runs with TensorFlow 1.14 and later, in graphs and eagerly. It needs scikit-learn (for the photographs) and Matplotlib.

Sources: Springenberg et al., "Striving for simplicity", 2014 (guided backpropagation); Selvaraju et al., "Grad-CAM",
2016; Bach et al., "On pixel-wise explanations", 2015, and Montavon et al., "Explaining nonlinear classification
decisions with deep Taylor decomposition", 2015 (LRP, the z+ rule); Shrikumar et al., "Learning important features
through propagating activation differences", 2017 (DeepLIFT, the rescale rule).
"""

import argparse
import random

import matplotlib
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_sample_images

from compat_grad import override_gradient

keras = tf.keras
layers = keras.layers
SIDE = 32
SHAPES = ("disc", "square", "cross", "ring")

# --- pictures and a network -----------------------------------------------------------------------------------


def shape_mask(shape, row, column, radius):
    """Return where a shape is: [SIDE, SIDE], True and False."""
    down, right = np.abs(np.arange(SIDE)[:, np.newaxis] - row), np.abs(np.arange(SIDE) - column)
    distance = np.sqrt(down**2 + right**2)
    if shape == "cross":
        return (np.maximum(down, right) <= radius) & (np.minimum(down, right) <= radius / 4.0)
    if shape == "square":
        return np.maximum(down, right) <= 0.8 * radius
    return (distance <= radius) & (distance >= (0.6 * radius if shape == "ring" else 0.0))


def make_pictures(n, seed):
    """Return n pictures [n, SIDE, SIDE, 1] from 0 to 1, their labels, and where the shapes are."""
    random = np.random.RandomState(seed)
    photographs = [image.mean(axis=2) / 255.0 for image in load_sample_images().images]
    labels = random.randint(len(SHAPES), size=n).astype(np.int32)
    pictures, masks = np.empty((n, SIDE, SIDE, 1), np.float32), np.empty((n, SIDE, SIDE), bool)
    for picture, mask, label in zip(pictures, masks, labels):
        photograph = photographs[random.randint(len(photographs))]
        top, left = [random.randint(size - 2 * SIDE) for size in photograph.shape]
        picture[..., 0] = 0.7 * photograph[top : top + 2 * SIDE : 2, left : left + 2 * SIDE : 2]
        radius = random.randint(6, 9)
        row, column = random.randint(radius, SIDE - radius, size=2)
        mask[:] = shape_mask(SHAPES[label], row, column, radius)
        picture[mask] = 1.0
    return pictures, labels, masks


def trained_cnn(pictures, labels, epochs=10):
    """Return an ordinary CNN, trained; nothing in it knows of gradients to come."""
    # Without biases: LRP has nowhere to send what a bias has contributed.
    model = keras.Sequential(
        [
            layers.InputLayer((SIDE, SIDE, 1)),
            layers.Conv2D(12, 3, padding="same", activation="relu", use_bias=False),
            layers.Conv2D(24, 5, strides=2, padding="same", activation="relu", use_bias=False),
            layers.Conv2D(32, 5, strides=2, padding="same", activation="relu", use_bias=False),
            layers.Conv2D(48, 3, padding="same", activation="relu", use_bias=False, name="last_convolution"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(len(SHAPES)),
        ]
    )
    model.compile(keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(pictures, labels, batch_size=32, epochs=epochs, verbose=0)
    return model


# --- gradients of ops by their type ---------------------------------------------------------------------------


def guided_relu(op, dy):
    """Guided backpropagation: nothing negative goes through."""
    return tf.nn.relu(dy) * tf.cast(op.outputs[0] > 0.0, dy.dtype)


def rescaled_relu(op, dy):
    """DeepLIFT: the slope between the picture and the reference, the halves of the batch."""
    (x, x0), (y, y0) = tf.split(op.inputs[0], 2), tf.split(op.outputs[0], 2)
    apart = tf.abs(x - x0) > 1e-6
    slope = tf.where(apart, (y - y0) / tf.where(apart, x - x0, tf.ones_like(x)), tf.cast(x > 0.0, x.dtype))
    return dy * tf.concat([slope, slope], 0)


def share(relevance, total):
    return relevance / (total + 1e-9)


def relevance_of_convolution(op, relevance):
    """LRP: to each input as it contributed, by the positive weights."""
    x, weights = op.inputs[0], tf.nn.relu(op.inputs[1])
    strides, padding = op.get_attr("strides"), op.get_attr("padding").decode()
    shares = share(relevance, tf.nn.conv2d(x, weights, strides, padding))
    return x * tf.nn.conv2d_transpose(shares, weights, tf.shape(x), strides, padding), None


def relevance_of_product(op, relevance):
    x, weights = op.inputs[0], tf.nn.relu(op.inputs[1])
    return x * tf.matmul(share(relevance, tf.matmul(x, weights)), weights, transpose_b=True), None


def relevance_of_mean(op, relevance):
    x = op.inputs[0]
    return x * share(relevance, tf.reduce_sum(x, [1, 2]))[:, tf.newaxis, tf.newaxis, :], None


LRP = {
    "Conv2D": relevance_of_convolution,
    "MatMul": relevance_of_product,
    "Mean": relevance_of_mean,
    "Relu": lambda op, relevance: relevance,
    "BiasAdd": lambda op, relevance: (relevance, None),
    "AddV2": lambda op, relevance: (relevance, None),  # the bias of Keras 3
}

# --- the answers ----------------------------------------------------------------------------------------------


def score_gradient(f, pictures, labels):
    """Return `inner`, where inner, scores = f(pictures), and the gradient of each one's score for its label by it."""

    def inner_and_score(x):
        inner, scores = f(x)
        return inner, tf.reduce_sum(scores * tf.one_hot(labels, len(SHAPES)))

    x = tf.constant(pictures)
    if tf.executing_eagerly():
        with tf.GradientTape() as tape:
            tape.watch(x)
            inner, score = inner_and_score(x)
        return inner.numpy(), tape.gradient(score, inner).numpy()
    inner, score = inner_and_score(x)
    return tf.compat.v1.keras.backend.get_session().run([inner, tf.gradients(score, inner)[0]])


def saliency(f, pictures, labels):
    """Return the gradient of each picture's score by its pixels; f is a model, or an override of one."""
    return score_gradient(lambda x: (x, f(x)), pictures, labels)[1]


def grad_cam(model, pictures, labels):
    """Return where in each picture the last convolution sees its label: [n, SIDE, SIDE, 1], from 0 to 1."""
    split = keras.Model(model.inputs, [model.get_layer("last_convolution").output, model.outputs[0]])
    features, gradient = score_gradient(split, pictures, labels)
    weights = gradient.mean(axis=(1, 2), keepdims=True)
    maps = np.maximum(np.sum(weights * features, axis=-1, keepdims=True), 0.0)
    maps = np.repeat(np.repeat(maps, SIDE // maps.shape[1], axis=1), SIDE // maps.shape[2], axis=2)
    return maps / np.maximum(maps.max(axis=(1, 2), keepdims=True), 1e-12)


def guided_backpropagation(model, pictures, labels):
    return saliency(override_gradient(model, {"Relu": guided_relu}), pictures, labels)  # model stays as it was


def relevance_propagation(model, pictures, labels):
    """Return each pixel's part in its picture's score; the parts sum up to 1."""
    return saliency(override_gradient(model, LRP, on_unused="ignore"), pictures, labels)


def deep_lift(model, pictures, labels):
    """Return each pixel's part in what the score is above that of a black picture; the parts sum up to that."""
    rescaled = override_gradient(model, {"Relu": rescaled_relu})

    def beside_black(x):
        return rescaled(tf.concat([x, tf.zeros_like(x)], 0))[: len(pictures)]

    return pictures * saliency(beside_black, pictures, labels)


def draw(columns, labels, path):
    """Save a picture with a column for each (title, colour map, images) and a row for each label."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(labels), len(columns), figsize=(1.7 * len(columns), 1.7 * len(labels) + 0.5))
    for column, (title, colour_map, images) in enumerate(columns):
        axes[0, column].set_title(title, fontsize=11)
        for axis, image in zip(axes[:, column], images[..., 0]):
            top = np.percentile(np.abs(image), 99.5)
            axis.imshow(image, cmap=colour_map, vmin=-top if colour_map == "RdBu_r" else 0.0, vmax=top)
            axis.set(xticks=[], yticks=[])
    for axis, label in zip(axes[:, 0], labels):
        axis.set_ylabel(SHAPES[label], fontsize=11)
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def explain(model, pictures, labels, path):
    """Save a picture of why model gives each picture its score for its label."""
    columns = [
        ("input", "gray", pictures),
        ("gradient", "RdBu_r", saliency(model, pictures, labels)),
        ("guided\nbackpropagation", "RdBu_r", guided_backpropagation(model, pictures, labels)),
        ("Grad-CAM", "magma", grad_cam(model, pictures, labels)),
        ("LRP", "magma", relevance_propagation(model, pictures, labels)),
        ("DeepLIFT", "RdBu_r", deep_lift(model, pictures, labels)),
    ]
    draw(columns, labels, path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="picture.png", help="where to save the picture")
    parser.add_argument("--seed", type=int, default=0, help="of the weights and the order of the pictures")
    options = parser.parse_args()
    keras.backend.clear_session()
    random.seed(options.seed)  # Keras draws the seeds of its layers from it
    np.random.seed(options.seed)
    tf.compat.v1.set_random_seed(options.seed)
    pictures, labels, masks = make_pictures(1300, seed=0)
    model = trained_cnn(pictures[:1000], labels[:1000])
    pictures, labels, masks = pictures[1000:], labels[1000:], masks[1000:]
    found = model.predict(pictures, verbose=0).argmax(axis=1)
    print("accuracy on the test pictures: {:.3f}".format(np.mean(found == labels)))
    first = [int(np.argmax(labels == shape)) for shape in range(len(SHAPES))]
    explain(model, pictures[first], labels[first], options.out)
