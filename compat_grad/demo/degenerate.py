"""The reason for the override: a batch whose eigenvalues repeat, TensorFlow's own gradient, and ours.

A bar in an otherwise dark image varies in one direction only, so that most eigenvalues of its regions' covariances are
equal. TensorFlow's gradient of the eigendecomposition divides by their differences. Up to 2.1 that gives NaN. From
2.4 at the latest the quotient is capped, which gives finite numbers, but not the gradient.
"""

import collections

import numpy as np
import tensorflow as tf

from compat_grad._tf import v1
from compat_grad.demo import layer, reference

#: Of a gradient: how many entries, how many of them are NaN or inf, the largest error relative to the largest entry.
Verdict = collections.namedtuple("Verdict", "entries bad error")


def bars():
    """Eight images of 8 x 8 pixels, each with one bright column."""
    images = np.zeros((8, 8, 8, 1), np.float32)
    for position, image in enumerate(images):
        image[:, position] = 1
    return images


def filters_gradient(pooling, images, filters, upstream):
    """The gradient of sum(pooling(images, filters) * upstream) to the filters, in a graph of its own."""
    with tf.Graph().as_default() as graph:
        held = v1.placeholder(tf.float32, filters.shape)
        total = tf.reduce_sum(pooling(tf.constant(images), held) * upstream)
        (gradient,) = v1.gradients(total, [held])
    with v1.Session(graph=graph) as session:
        return session.run(gradient, {held: filters})


def judge(gradient, truth):
    """A Verdict on `gradient`."""
    bad = int(np.sum(~np.isfinite(gradient)))
    error = np.nan if bad else float(np.max(np.abs(gradient - truth)) / np.max(np.abs(truth)))
    return Verdict(gradient.size, bad, error)


def compare(filters):
    """Verdicts on TensorFlow's own gradient and on the override's, for these filters [k, k, 1, d] and the bars."""
    images = bars()
    upstream = np.random.RandomState(1).normal(size=reference.layer(images, filters).shape).astype(np.float32)
    truth = reference.difference_quotients(lambda at: np.sum(reference.layer(images, at) * upstream), filters)
    return [
        judge(filters_gradient(pooling, images, filters, upstream), truth)
        for pooling in (layer.forward, layer.log_covariance_pooling)
    ]
