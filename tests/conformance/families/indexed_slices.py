"""Sparse gradients: IndexedSlices that come in, and that a backward returns."""

import numpy as np

from compat_grad.testing.case import Family, f32
from tests.conformance.families.sizes_and_signs import zeros
from tests.modes import v1 as tf

family = Family("IndexedSlices")
TABLE = f32([[0.5, -1.25], [2.0, 4.0], [-3.0, 0.25], [1.0, 8.0]])
ROWS = np.array([2, 0, 2], np.int32)


def scattered(rows, values):
    table = np.zeros((4, 2))
    np.add.at(table, rows, values)
    return table


family.case(
    "out of a backward",
    forward=lambda table: 3.0 * tf.gather(table, ROWS),
    backward=lambda op, dy: tf.IndexedSlices(dy * 10.0, tf.constant(ROWS), tf.constant([4, 2])),
    inputs=[TABLE],
    value=lambda table: 3 * table[ROWS],
    gradient=lambda table, dy: scattered(ROWS, 10 * dy),
    second=zeros,
)
family.case(
    "out of a backward, of an input's rows",
    forward=lambda table, rows: tf.gather(table, rows),
    backward=lambda op, dy: [
        tf.IndexedSlices(dy * tf.gather(op.inputs[0], op.inputs[1]), op.inputs[1], tf.constant([4, 2])),
        None,
    ],
    inputs=[TABLE, ROWS],
    value=lambda table, rows: table[rows],
    gradient=lambda table, rows, dy: scattered(rows, dy * table[rows]),
)
family.case(
    "into a backward",
    forward=lambda table: 3.0 * table,
    backward=lambda op, dy: tf.convert_to_tensor(dy) * op.inputs[0],
    around=lambda f: lambda table: tf.gather(f(table), ROWS),
    inputs=[TABLE],
    value=lambda table: 3 * table[ROWS],
    gradient=lambda table, dy: scattered(ROWS, dy) * table,
)
family.case(
    "passed through",
    forward=lambda table: 3.0 * table,
    backward=lambda op, dy: dy,
    around=lambda f: lambda table: tf.gather(f(table), ROWS),
    inputs=[TABLE],
    value=lambda table: 3 * table[ROWS],
    gradient=lambda table, dy: scattered(ROWS, dy),
    second=zeros,
)
