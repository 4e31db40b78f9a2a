"""Decompositions with closed-form gradients, most of them by formulas that stay finite where TensorFlow's do not.

Cholesky: Murray, arXiv:1602.07527. Spectral functions: Ionescu et al., arXiv:1509.07838 (here of symmetric matrices).
"""

import numpy as np

from compat_grad.testing.case import Family, f32
from tests.modes import v1 as tf

family = Family("Eigenvalues, SVD, Cholesky, inverse")
SPD = f32([[4.0, 1.0, 0.5], [1.0, 3.0, -0.5], [0.5, -0.5, 2.0]])
A = f32([[3.0, 1.0, -0.5], [0.25, 2.0, 1.0], [-1.0, 0.5, 4.0]])
B = f32([[1.0, 0.5], [-2.0, 1.0], [0.5, 3.0]])


def t(x):
    return tf.matrix_transpose(x)


def symmetric(x):
    return (x + t(x)) * 0.5


def numpy_symmetric(x):
    return (x + x.T) / 2


family.case(
    "inverse",
    forward=tf.matrix_inverse,
    backward=lambda op, dy: -tf.matmul(tf.matmul(t(op.outputs[0]), dy), t(op.outputs[0])),
    inputs=[A],
    value=np.linalg.inv,
    gradient=lambda x, dy: -np.linalg.inv(x).T.dot(dy).dot(np.linalg.inv(x).T),
    true_gradient=True,
    tolerance=32,
    ulps=16,
    ulps_xla=64,
)
family.case(
    "solving a linear system",
    forward=tf.matrix_solve,
    backward=lambda op, dy: solve_backward(op, tf.matmul(t(tf.matrix_inverse(op.inputs[0])), dy)),
    inputs=[A, B],
    value=np.linalg.solve,
    gradient=lambda a, b, dy: [
        -np.linalg.inv(a).T.dot(dy).dot(np.linalg.solve(a, b).T),
        np.linalg.inv(a).T.dot(dy),
    ],
    true_gradient=True,
    tolerance=32,
    ulps=64,
    ulps_xla=256,
)


def solve_backward(op, to_b):
    return [-tf.matmul(to_b, op.outputs[0], transpose_b=True), to_b]


family.case(
    "Cholesky",
    forward=lambda x: tf.cholesky(symmetric(x)),
    backward=lambda op, dy: cholesky_backward(op.outputs[0], dy),
    inputs=[SPD],
    value=lambda x: np.linalg.cholesky(numpy_symmetric(x)),
    gradient=lambda x, dy: numpy_cholesky_backward(np.linalg.cholesky(numpy_symmetric(x)), dy),
    true_gradient=True,
    tolerance=32,
    ulps=64,
    ulps_xla=128,
)


def cholesky_backward(factor, dy):
    inner = tf.matrix_band_part(tf.matmul(factor, dy, transpose_a=True), -1, 0)
    inner = inner - 0.5 * tf.matrix_band_part(inner, 0, 0)
    inverse = tf.matrix_inverse(factor)
    return symmetric(tf.matmul(tf.matmul(t(inverse), inner), inverse))


def numpy_cholesky_backward(factor, dy):
    inner = np.tril(factor.T.dot(np.tril(dy)))
    inner = inner - np.diag(np.diag(inner)) / 2
    inverse = np.linalg.inv(factor)
    return numpy_symmetric(inverse.T.dot(inner).dot(inverse))


family.case(
    "eigenvalues",
    forward=lambda x: tf.self_adjoint_eigvals(symmetric(x)),
    backward=lambda op, dy: recompose(dy, tf.self_adjoint_eig(symmetric(op.inputs[0]))[1]),
    inputs=[SPD],
    value=lambda x: np.linalg.eigvalsh(numpy_symmetric(x)),
    gradient=lambda x, dy: numpy_recompose(dy, np.linalg.eigh(numpy_symmetric(x))[1]),
    true_gradient=True,
    tolerance=64,
    ulps=32,
    ulps_xla=1024,
)


def recompose(values, vectors):
    return tf.matmul(vectors * tf.expand_dims(values, -2), vectors, transpose_b=True)


def numpy_recompose(values, vectors):
    return (vectors * values).dot(vectors.T)


family.case(
    "log determinant by eigenvalues",
    forward=lambda x: tf.reduce_sum(tf.log(tf.self_adjoint_eigvals(symmetric(x)))),
    backward=lambda op, dy: dy * tf.matrix_inverse(symmetric(op.inputs[0])),
    inputs=[SPD],
    value=lambda x: np.linalg.slogdet(numpy_symmetric(x))[1],
    gradient=lambda x, dy: dy * np.linalg.inv(numpy_symmetric(x)),
    true_gradient=True,
    tolerance=32,
    ulps=16,
    ulps_xla=64,
)
family.case(
    "square root of a matrix, repeated eigenvalues",
    forward=lambda x: root_and_gradient(x)[0],
    backward=lambda op, dy: root_and_gradient(op.inputs[0], dy)[1],
    inputs=[f32([[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 1.0]])],
    value=lambda x: numpy_root_and_gradient(x)[0],
    gradient=lambda x, dy: numpy_root_and_gradient(x, dy)[1],
    second="the backward's own eigenvectors have no derivative where eigenvalues repeat",
    true_gradient=True,
    tolerance=32,
    ulps=16,
    ulps_xla=16,
)


def root_and_gradient(x, dy=None):
    values, vectors = tf.self_adjoint_eig(symmetric(x))
    roots = tf.sqrt(values)
    if dy is None:
        return recompose(roots, vectors), None
    rotated = tf.matmul(tf.matmul(vectors, symmetric(dy), transpose_a=True), vectors)
    rotated = rotated / (tf.expand_dims(roots, 0) + tf.expand_dims(roots, 1))
    return None, tf.matmul(tf.matmul(vectors, rotated), vectors, transpose_b=True)


def numpy_root_and_gradient(x, dy=None):
    values, vectors = np.linalg.eigh(numpy_symmetric(x))
    roots = np.sqrt(values)
    if dy is None:
        return numpy_recompose(roots, vectors), None
    rotated = vectors.T.dot(numpy_symmetric(dy)).dot(vectors) / (roots[None, :] + roots[:, None])
    return None, vectors.dot(rotated).dot(vectors.T)


family.case(
    "singular values",
    forward=lambda x: tf.svd(x, compute_uv=False),
    backward=lambda op, dy: svd_backward(tf.svd(op.inputs[0]), dy),
    inputs=[A],
    value=lambda x: np.linalg.svd(x)[1],
    gradient=lambda x, dy: (np.linalg.svd(x)[0] * dy).dot(np.linalg.svd(x)[2]),
    second="TensorFlow got the derivative of singular vectors, which this backward uses, only in 1.5",
    true_gradient=True,
    tolerance=32,
    ulps=64,
    ulps_xla=256,
)


def svd_backward(decomposition, dy):
    _, u, v = decomposition
    return tf.matmul(u * tf.expand_dims(dy, 0), v, transpose_b=True)
