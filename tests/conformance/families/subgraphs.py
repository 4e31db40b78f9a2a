"""A whole subgraph as one override: convolution, covariance, eigendecomposition, matrix square root."""

import numpy as np

from compat_grad.testing.case import Family, f32
from tests.conformance.families.linear_algebra import numpy_root_and_gradient, root_and_gradient
from tests.modes import v1 as tf

family = Family("Whole subgraphs")
IMAGES = f32(np.array([3, -1, 2, 0, 1, -2, 4, 1, -3, 0, 2, 1, -1, 3, 0, 2]).reshape(1, 4, 4, 1)) / 4
FILTERS = f32(np.array([1, -2, 0.5, 1, -1, 2, 3, 0.5]).reshape(2, 2, 1, 2)) / 2
POINTS = 9


def convolve(images, filters):
    return tf.reshape(tf.nn.conv2d(images, filters, [1, 1, 1, 1], "VALID"), [POINTS, 2])


def covariance(maps):
    # Times 1 / POINTS, not divided by POINTS: graph rewriting may turn the one into the other, at a last bit's cost.
    return tf.matmul(maps, maps, transpose_a=True) * (1.0 / POINTS) + 0.25 * np.eye(2, dtype=np.float32)


def backward(op, dy):
    images, filters = op.inputs
    maps = convolve(images, filters)
    to_covariance = root_and_gradient(covariance(maps), dy)[1]
    to_maps = tf.reshape(tf.matmul(maps, to_covariance) * (2.0 / POINTS), [1, 3, 3, 2])
    return (
        tf.nn.conv2d_backprop_input([1, 4, 4, 1], filters, to_maps, [1, 1, 1, 1], "VALID"),
        tf.nn.conv2d_backprop_filter(images, [2, 2, 1, 2], to_maps, [1, 1, 1, 1], "VALID"),
    )


PATCHES = [(i, j) for i in range(3) for j in range(3)]


def patches(images):
    return np.stack([images[0, i : i + 2, j : j + 2, 0].reshape(4) for i, j in PATCHES])


def numpy_covariance(maps):
    return maps.T.dot(maps) / POINTS + np.eye(2) / 4


def numpy_gradient(images, filters, dy):
    maps = patches(images).dot(filters.reshape(4, 2))
    to_covariance = numpy_root_and_gradient(numpy_covariance(maps), dy)[1]
    to_maps = 2 * maps.dot(to_covariance) / POINTS
    to_patches = to_maps.dot(filters.reshape(4, 2).T)
    to_images = np.zeros_like(images)
    for (i, j), patch in zip(PATCHES, to_patches):
        to_images[0, i : i + 2, j : j + 2, 0] += patch.reshape(2, 2)
    return [to_images, patches(images).T.dot(to_maps).reshape(2, 2, 1, 2)]


family.case(
    "convolution, covariance, eigh, square root",
    forward=lambda images, filters: root_and_gradient(covariance(convolve(images, filters)))[0],
    backward=backward,
    inputs=[IMAGES, FILTERS],
    value=lambda x, w: numpy_root_and_gradient(numpy_covariance(patches(x).dot(w.reshape(4, 2))))[0],
    gradient=numpy_gradient,
    true_gradient=True,
    tolerance=64,
    ulps=256,
    ulps_second=256,
    ulps_xla=512,
)
family.case(
    "normalisation over a batch",
    forward=lambda x: (x - tf.reduce_mean(x, 0, True)) * tf.rsqrt(variance(x)),
    backward=lambda op, dy: dy * tf.rsqrt(variance(op.inputs[0])),  # statistics as constants
    inputs=[f32([[1.0, -2.0], [3.0, 0.5], [-1.0, 4.0], [2.0, 1.0]])],
    value=lambda x: (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 0.5),
    gradient=lambda x, dy: dy / np.sqrt(x.var(axis=0) + 0.5),
    tolerance=16,
    ulps=8,
    ulps_xla=32,
)


def variance(x):
    return tf.reduce_mean(tf.square(x - tf.reduce_mean(x, 0, True)), 0, True) + 0.5
