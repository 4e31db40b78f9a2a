"""The classifier: the log-covariance layer, a linear layer on top, softmax. One code for every mode.

Its parameters are a plain list [filters, weights], NumPy arrays outside of TensorFlow and tensors inside: what
holds them from step to step is the optimiser's affair (`train.py`).
"""

import numpy as np
import tensorflow as tf

from compat_grad.demo.data import CLASSES
from compat_grad.demo.layer import GRID, log_covariance_pooling


def initial_parameters(seed, image_shape):
    """[filters, weights] as float32 arrays for images of this shape (height, width, channels)."""
    height, _, channels = image_shape
    # A region should hold clearly more points than there are filters, and a filter see less than the region.
    size, count = (3, 8) if height < 16 else (5, 16)
    random = np.random.RandomState(seed)
    filters = random.normal(scale=1.0 / size, size=(size, size, channels, count))
    # Not zeros: with these the filters' first gradient would be zero, and equal in all modes for no good reason.
    weights = random.normal(scale=0.01, size=(GRID * GRID * count * count, CLASSES))
    return [array.astype(np.float32) for array in (filters, weights)]


def logits(parameters, images):
    """The scores [n, CLASSES] of images [n, h, w, c]."""
    filters, weights = parameters
    # No bias: the diagonals of the logarithms do its work, and oneDNN's graph rewriting (seen on 2.22) would fuse its
    # addition with the product where shapes are static, which costs the last bit in tf.function.
    return tf.matmul(log_covariance_pooling(images, filters), weights)


def loss(parameters, images, labels):
    """The mean cross-entropy of the batch, a scalar."""
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits(parameters, images))
    )
