"""Domain-adversarial training (Ganin and Lempitsky, 2015): gradient reversal in a functional Keras model, with `fit`.

    python domain_adversarial.py --seeds 5

A CNN learns plain digits from their labels, and has to read digits in boxes, as on a form, of which it sees no label.
A second head tells the two domains apart; between it and the features the gradient is reversed, so that the features
learn to hide what this head looks for. The same code runs with TensorFlow 1.13 and later. It needs scikit-learn.
"""

import argparse
import random

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

from compat_grad import override_gradient

keras = tf.keras
layers = keras.layers
SIDE = 10  # pixels: the 8 of the digits and a margin
PEAK = 0.3  # the paper has 1, which helps less with so few digits


def _reverse(op, dy):
    return -op.inputs[1] * dy, None


@override_gradient(backward=_reverse)
def reverse(x, scale):
    """Return x; its gradient is reversed, and multiplied by scale."""
    return tf.identity(x)


def load_data():
    """Return {name: (images [n, 10, 10, 1], labels)}: of different digits, "target" ones in boxes."""
    digits = load_digits()
    order = np.random.RandomState(0).permutation(len(digits.target))
    labels = digits.target[order].astype(np.int32)
    images = np.zeros([len(labels), SIDE, SIDE, 1], np.float32)
    images[:, 1:-1, 1:-1, 0] = digits.images[order] / 16.0
    box = np.zeros([SIDE, SIDE, 1], np.float32)
    box[1:-1, 1:-1], box[2:-2, 2:-2] = 0.8, 0.0
    boxed = np.maximum(images, box)
    return {
        "source": (images[:718], labels[:718]),
        "target": (boxed[718:1436], labels[718:1436]),  # its labels are for nobody
        "source test": (images[1436:], labels[1436:]),
        "target test": (boxed[1436:], labels[1436:]),
    }


def build(scale):
    """Return the model that is trained, (source, target) -> (class, domains), and the classifier in it."""
    features = keras.Sequential(
        [
            layers.InputLayer((SIDE, SIDE, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
        ]
    )
    label_head = layers.Dense(10, activation="softmax")
    domain_head = keras.Sequential([layers.Dense(64, activation="relu"), layers.Dense(1)])
    source, target = keras.Input((SIDE, SIDE, 1)), keras.Input((SIDE, SIDE, 1))
    of_source, of_target = features(source), features(target)
    label = label_head(of_source)
    domains = [domain_head(reverse(one, scale)) for one in (of_source, of_target)]
    return keras.Model([source, target], [label, layers.Concatenate()(domains)]), keras.Model(source, label)


class ReversalSchedule(keras.callbacks.Callback):
    """Raises the scale of the reversal from 0 to peak."""

    def __init__(self, scale, peak, epochs):
        super().__init__()
        self.scale, self.peak, self.epochs = scale, peak, epochs

    def on_epoch_begin(self, epoch, logs=None):
        p = epoch / self.epochs
        keras.backend.set_value(self.scale, self.peak * (2.0 / (1.0 + np.exp(-10.0 * p)) - 1.0))


def train(data, peak, seed=0, epochs=30):
    """Return {"source test": accuracy, "target test": accuracy} after training; a peak of 0 is without reversal."""
    keras.backend.clear_session()
    random.seed(seed)  # Keras 3 draws its seeds from here
    np.random.seed(seed)
    tf.compat.v1.set_random_seed(seed)
    scale = tf.Variable(0.0, trainable=False, name="scale")
    model, classifier = build(scale)
    losses = ["sparse_categorical_crossentropy", keras.losses.BinaryCrossentropy(from_logits=True)]
    model.compile(keras.optimizers.SGD(0.1, momentum=0.5), losses)
    (source, labels), (target, _) = data["source"], data["target"]
    domains = np.tile([[0.0, 1.0]], [len(labels), 1]).astype(np.float32)
    callbacks = [
        ReversalSchedule(scale, peak, epochs),
        keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (1.0 + 10.0 * epoch / epochs) ** 0.75),
    ]
    model.fit([source, target], [labels, domains], batch_size=64, epochs=epochs, callbacks=callbacks, verbose=0)
    accuracies = {}
    for name in ("source test", "target test"):
        images, truth = data[name]
        accuracies[name] = np.mean(np.argmax(classifier.predict(images, verbose=0), axis=1) == truth)
    return accuracies


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="how many times to train, from different weights")
    data = load_data()
    for seed in range(parser.parse_args().seeds):
        for title, peak in (("without reversal", 0.0), ("with reversal", PEAK)):
            accuracies = train(data, peak, seed)
            print("seed {}, {}: source {source test:.3f}, target {target test:.3f}".format(seed, title, **accuracies))
