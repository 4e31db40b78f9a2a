"""The layer once more, in NumPy and float64, and its gradient by differences: the truth the others are measured by.

Written from the layer's description, not from its code, and without any formula for a gradient.
"""

import numpy as np

from compat_grad.demo.layer import EPSILON, GRID


def feature_maps(images, filters):
    """The convolution with zeros around the images: [n, h, w, d]."""
    size = filters.shape[0]
    height, width = images.shape[1:3]
    padded = np.pad(images, ((0, 0), (size // 2,) * 2, (size // 2,) * 2, (0, 0)), "constant")
    return sum(
        np.dot(padded[:, row : row + height, column : column + width], filters[row, column])
        for row in range(size)
        for column in range(size)
    )


def covariances(images, filters):
    """Each region's covariance, EPSILON on its diagonal: [n, GRID, GRID, d, d]."""
    maps = feature_maps(np.asarray(images, np.float64), np.asarray(filters, np.float64))
    rows = [
        np.stack([covariance(part) for part in np.split(half, GRID, axis=2)], axis=1)
        for half in np.split(maps, GRID, axis=1)
    ]
    return np.stack(rows, axis=1)


def covariance(maps):
    """The covariance of maps [n, h, w, d] over h and w: [n, d, d]."""
    points = maps.reshape(len(maps), -1, maps.shape[-1])
    points = points - points.mean(axis=1, keepdims=True)
    return np.matmul(points.transpose(0, 2, 1), points) / points.shape[1] + EPSILON * np.eye(points.shape[2])


def layer(images, filters):
    """The logarithms of all regions' covariances, flat: [n, GRID * GRID * d * d]."""
    values, vectors = np.linalg.eigh(covariances(images, filters))
    logarithms = np.matmul(vectors * np.log(values)[..., np.newaxis, :], np.swapaxes(vectors, -1, -2))
    return logarithms.reshape(len(images), -1)


def difference_quotients(function, point, step=1e-5):
    """The gradient of a scalar function of one array, by central differences."""
    point = np.array(point, np.float64)
    gradient = np.empty_like(point)
    for index in np.ndindex(*point.shape):
        ahead, behind = point.copy(), point.copy()
        ahead[index] += step
        behind[index] -= step
        gradient[index] = (function(ahead) - function(behind)) / (2 * step)
    return gradient
