"""The layer: a convolution, then the logarithm of the covariance of its maps in each region, as one override.

In: images [n, h, w, c] and filters [k, k, c, d]. Out: [n, GRID * GRID * d * d]. Each image is cut into GRID x GRID
regions, each region is described by the d x d covariance of its d feature maps (Tuzel et al., "Region covariance",
ECCV 2006; here with learned filters), and the matrix logarithm of that makes a linear classifier meaningful
(Ionescu et al., "Matrix backpropagation for deep networks with structured layers", ICCV 2015, arXiv:1509.07838:
their DeepO2P layer).

Why an override: the logarithm goes through an eigendecomposition, whose own gradient holds 1 / (l_i - l_j). Where
eigenvalues repeat (a dark corner of an image is enough) that is inf, NaN or noise, although the logarithm's own
gradient is perfectly well there. `gradient` is that gradient in closed form.

Only formulas here: nothing knows of sessions, eager execution, tapes or versions of TensorFlow.
"""

import tensorflow as tf

from compat_grad import override_gradient
from compat_grad._tf import v1

GRID = 2
# Added to each covariance's diagonal: a region of one flat grey has no logarithm otherwise.
EPSILON = 1e-2


def convolve(images, filters):
    """The feature maps [n, h, w, d]."""
    return tf.nn.conv2d(images, filters, [1, 1, 1, 1], "SAME")


def convolve_gradients(images, filters, maps_gradient):
    """What the convolution passes on to images and filters, both linear in `maps_gradient`."""
    images_gradient = v1.nn.conv2d_backprop_input(tf.shape(images), filters, maps_gradient, [1, 1, 1, 1], "SAME")
    filters_gradient = v1.nn.conv2d_backprop_filter(images, tf.shape(filters), maps_gradient, [1, 1, 1, 1], "SAME")
    return images_gradient, filters_gradient


def cut_regions(maps):
    """Maps [n, h, w, d] as a list of points for each region: [n * GRID * GRID, points, d]."""
    height, width, depth = [int(size) for size in maps.shape[1:]]
    grid = tf.reshape(maps, [-1, GRID, height // GRID, GRID, width // GRID, depth])
    return tf.reshape(tf.transpose(grid, [0, 1, 3, 2, 4, 5]), [-1, height // GRID * (width // GRID), depth])


def join_regions(regions, height, width):
    """The way back from `cut_regions`: maps [n, height, width, d]."""
    depth = int(regions.shape[-1])
    grid = tf.reshape(regions, [-1, GRID, GRID, height // GRID, width // GRID, depth])
    return tf.reshape(tf.transpose(grid, [0, 1, 3, 2, 4, 5]), [-1, height, width, depth])


def centre(regions):
    """Each map's mean over its region taken away."""
    return regions - tf.expand_dims(tf.reduce_mean(regions, 1), 1)


def covariance(centred):
    """The d x d covariance of each region [.., points, d], EPSILON added to its diagonal."""
    points, depth = int(centred.shape[1]), int(centred.shape[2])
    # Times 1 / points, not divided by points: graph rewriting may turn the one into the other, at a last bit's cost.
    scatter = tf.matmul(centred, centred, transpose_a=True) * (1.0 / points)
    return scatter + EPSILON * tf.eye(depth)


def decompose(symmetric):
    """Eigenvalues [.., d], rising, and eigenvectors [.., d, d] in columns."""
    values, vectors = v1.self_adjoint_eig(symmetric)  # tf.linalg.eigh, by the name that 1.0 has as well
    # A covariance has none below EPSILON; rounding has, and a logarithm of that would be NaN.
    return tf.maximum(values, EPSILON), vectors


def recompose(values, vectors):
    """U diag(values) U^T."""
    return tf.matmul(vectors * tf.expand_dims(values, -2), vectors, transpose_b=True)


def log_divided_differences(values):
    """K_ij = (log l_i - log l_j) / (l_i - l_j), and 1 / l where the two are one: [.., d, d].

    Written with log1p of the relative gap no digit is lost however close two eigenvalues are, so there is no
    tolerance to choose: only a gap of exactly zero needs the limit.
    """
    rows, columns = tf.expand_dims(values, -1), tf.expand_dims(values, -2)
    larger, smaller = tf.maximum(rows, columns), tf.minimum(rows, columns)
    gap = larger - smaller
    # One division: graph rewriting turns a separate 1 / smaller into Reciprocal, whose last bit is another (2.15).
    dividend = tf.where(gap > 0, v1.log1p(gap / smaller), tf.ones_like(gap))
    return dividend / tf.where(gap > 0, gap, smaller)


def logarithm_gradient(values, vectors, upstream):
    """What log(C) passes on to C = U diag(l) U^T: U (K * (U^T G U)) U^T, with G the symmetric part of `upstream`.

    The Daleckii-Krein theorem (Bhatia, "Matrix Analysis", theorem V.3.3); in deep learning, Ionescu et al.'s
    proposition 2 after their terms with 1 / (l_i - l_j) are put together with those of the eigenvalues.
    """
    symmetric = 0.5 * (upstream + tf.transpose(upstream, [0, 2, 1]))
    inner = tf.matmul(vectors, tf.matmul(symmetric, vectors), transpose_a=True)
    return tf.matmul(vectors, tf.matmul(log_divided_differences(values) * inner, vectors, transpose_b=True))


def forward(images, filters):
    """The log-covariances of all regions, flat: [n, GRID * GRID * d * d]."""
    values, vectors = decompose(covariance(centre(cut_regions(convolve(images, filters)))))
    logarithms = recompose(v1.log(values), vectors)
    return tf.reshape(logarithms, [-1, GRID * GRID * int(values.shape[-1]) ** 2])


def gradient(op, upstream):
    """The vector-Jacobian product of all of `forward`, from its inputs alone: nothing is kept from the forward pass."""
    images, filters = op.inputs
    height, width, depth = int(images.shape[1]), int(images.shape[2]), int(filters.shape[-1])
    centred = centre(cut_regions(convolve(images, filters)))
    points = int(centred.shape[1])
    values, vectors = decompose(covariance(centred))
    covariance_gradient = logarithm_gradient(values, vectors, tf.reshape(upstream, [-1, depth, depth]))
    # The mean's own gradient is left out: it would subtract the mean of rows which already sum to zero.
    regions_gradient = tf.matmul(centred, covariance_gradient) * (2.0 / points)
    return convolve_gradients(images, filters, join_regions(regions_gradient, height, width))


log_covariance_pooling = override_gradient(forward, gradient, name="log_covariance_pooling")
