"""Sparse and ragged tensors, each one input or output of the backward."""

import numpy as np

from compat_grad.testing.case import Family, f32
from tests.conformance.families.sizes_and_signs import zeros
from tests.modes import v1 as tf

family = Family("Sparse and ragged")
VALUES = f32([0.5, -1.25, 3.0])
PLACES = np.array([[0, 1], [1, 0], [1, 2]], np.int64)
COMPOSITE = {
    "vectorized_map": "the map over rows knows dense tensors only",
    "Jacobian": "the map over output elements knows dense tensors only",
}


def sparse(values):
    return tf.SparseTensor(PLACES, values, [2, 3])


def to_dense(values):
    dense = np.zeros((2, 3))
    dense[PLACES[:, 0], PLACES[:, 1]] = values
    return dense


family.case(
    "a sparse tensor in",
    forward=lambda s: tf.sparse_tensor_dense_matmul(s, np.eye(3, dtype=np.float32)),
    backward=lambda op, dy: tf.gather_nd(dy, op.inputs[0].indices) * op.inputs[0].values * 10.0,
    around=lambda f: lambda values: f(sparse(values)),
    inputs=[VALUES],
    value=to_dense,
    gradient=lambda values, dy: 10 * values * dy[PLACES[:, 0], PLACES[:, 1]],
    cannot=COMPOSITE,
)
family.case(
    "a sparse tensor out",
    forward=lambda values: sparse(2.0 * values),
    backward=lambda op, ds: ds.values * 10.0 * op.inputs[0],
    around=lambda f: lambda values: f(values).values,
    inputs=[VALUES],
    value=lambda values: 2 * values,
    gradient=lambda values, dy: 10 * dy * values,
    cannot=COMPOSITE,
)
family.case(
    "a ragged tensor in",
    forward=lambda r: tf.reduce_sum(r, axis=1),
    backward=lambda op, dy: op.inputs[0].with_values(tf.gather(dy, op.inputs[0].value_rowids()) * 7.0),
    around=lambda f: lambda values: f(ragged(values)),
    inputs=[VALUES],
    value=lambda values: np.array([values[0] + values[1], values[2]]),
    gradient=lambda values, dy: 7 * dy[[0, 0, 1]],
    second=zeros,
    cannot=dict(COMPOSITE, XLA="XLA has no ragged reduction"),
)
family.case(
    "a ragged tensor out",
    forward=lambda values: ragged(3.0 * values),
    backward=lambda op, dr: dr.values * 10.0 * op.inputs[0],
    around=lambda f: lambda values: f(values).values,
    inputs=[VALUES],
    value=lambda values: 3 * values,
    gradient=lambda values, dy: 10 * dy * values,
    cannot=COMPOSITE,
)


def ragged(values):
    return tf.RaggedTensor.from_row_splits(values, np.array([0, 2, 3], np.int64))
