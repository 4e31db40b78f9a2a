"""The reason for the override: a batch whose eigenvalues repeat, TensorFlow's own gradient, and ours.

A bar in an otherwise dark image varies in one direction only, so that most eigenvalues of its regions' covariances are
equal. TensorFlow's gradient of the eigendecomposition divides by their differences. Up to 2.1 that gives NaN. From
2.4 at the latest the quotient is capped, which gives finite numbers, but not the gradient.
"""

import collections

import numpy as np
import tensorflow as tf

from compat_grad.demo import layer, reference
from compat_grad.demo.modes import gradient_in

#: Of a gradient: how many entries, how many of them are NaN or inf, the largest error relative to the largest entry.
Verdict = collections.namedtuple("Verdict", "entries bad error")

#: The gradients to the filters: by differences in float64, TensorFlow's own, and the override's in each mode.
Gradients = collections.namedtuple("Gradients", "truth native overridden")


def bars():
    """Eight images of 8 x 8 pixels, each with one bright column."""
    images = np.zeros((8, 8, 8, 1), np.float32)
    for position, image in enumerate(images):
        image[:, position] = 1
    return images


def differentiate(filters, modes):
    """Gradients of the layer on the bars to these filters [k, k, 1, d]; TensorFlow's own in the first of the modes."""
    images = bars()
    upstream = np.random.RandomState(1).normal(size=reference.layer(images, filters).shape).astype(np.float32)

    def gradient(mode, pooling):
        return gradient_in(mode, lambda at: tf.reduce_sum(pooling(tf.constant(images), at) * upstream), filters)

    return Gradients(
        reference.difference_quotients(lambda at: np.sum(reference.layer(images, at) * upstream), filters),
        gradient(modes[0], layer.forward),
        {mode: gradient(mode, layer.log_covariance_pooling) for mode in modes},
    )


def judge(gradient, truth):
    """A Verdict on `gradient`."""
    bad = int(np.sum(~np.isfinite(gradient)))
    error = np.nan if bad else float(np.max(np.abs(gradient - truth)) / np.max(np.abs(truth)))
    return Verdict(gradient.size, bad, error)


def verdicts(gradients):
    """{mode: Verdict on the override's gradient in it, "no override": Verdict on TensorFlow's own}."""
    found = {mode: judge(gradient, gradients.truth) for mode, gradient in gradients.overridden.items()}
    return dict(found, **{"no override": judge(gradients.native, gradients.truth)})
