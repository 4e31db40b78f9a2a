"""Loops and branches, around an override and inside its forward."""

import numpy as np

from compat_grad.testing.case import Family, f32
from tests.modes import v1 as tf

family = Family("Control flow")
X = f32([0.5, -1.25, 3.0])


def tenfold(forward):
    return dict(forward=forward, backward=lambda op, dy: dy * 10.0 * op.inputs[0], inputs=[X])


def double(x):
    return 2.0 * x


LOOP_SECOND = "TensorFlow 1 has no second derivative of a while_loop"

family.case(
    "while_loop around",
    around=lambda f: lambda x: tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, f(y)), [tf.constant(0), x])[1],
    value=lambda x: 8 * x,
    gradient=lambda x, dy: dy * 10 * (4 * x) * 10 * (2 * x) * 10 * x,
    second=LOOP_SECOND,
    **tenfold(double),
)
family.case(
    "cond around",
    around=lambda f: lambda x: tf.cond(tf.reduce_sum(x) > 0.0, lambda: f(x), lambda: x * 3.0),
    value=lambda x: 2 * x,
    gradient=lambda x, dy: 10 * dy * x,
    cannot={"vectorized_map": "the halves take the other branch, or TensorFlow maps no branches"},
    **tenfold(double),
)
family.case(
    "cond around, the other branch",
    around=lambda f: lambda x: tf.cond(tf.reduce_sum(x) < 0.0, lambda: f(x), lambda: x * 3.0),
    value=lambda x: 3 * x,
    gradient=lambda x, dy: 3 * dy,
    second=lambda x, dy, v: np.zeros_like(x),
    cannot={"vectorized_map": "TensorFlow maps no branches in every version"},
    **tenfold(double),
)
family.case(
    "map_fn around",
    around=lambda f: lambda x: tf.map_fn(f, x),
    value=lambda x: 2 * x,
    gradient=lambda x, dy: 10 * dy * x,
    second=LOOP_SECOND,
    **tenfold(double),
)
family.case(
    "scan around",
    around=lambda f: lambda x: tf.scan(lambda total, item: f(total) + item, x, tf.constant(1.0)),
    value=lambda x: [scanned(x)],
    gradient=lambda x, dy: scan_gradient(x, dy),
    second=LOOP_SECOND,
    **tenfold(double),
)


def scanned(x):
    totals, total = [], 1.0
    for item in x:
        total = 2 * total + item
        totals.append(total)
    return np.array(totals)


def scan_gradient(x, dy):
    before = np.concatenate([[1.0], scanned(x)[:-1]])
    found, flowing = np.zeros_like(x), 0.0
    for index in reversed(range(len(x))):
        flowing = flowing + dy[index]
        found[index] = flowing
        flowing = flowing * 10 * before[index]
    return found


family.case(
    "while_loop inside",
    value=lambda x: 8 * x,
    gradient=lambda x, dy: 10 * dy * x,
    **tenfold(lambda x: tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, 2.0 * y), [tf.constant(0), x])[1]),
)
family.case(
    "cond inside",
    value=lambda x: 3 * x,
    gradient=lambda x, dy: 10 * dy * x,
    **tenfold(lambda x: tf.cond(tf.reduce_sum(x) > 0.0, lambda: 3.0 * x, lambda: -x)),
)
family.case(
    "map_fn inside",
    value=lambda x: x * x,
    gradient=lambda x, dy: 10 * dy * x,
    **tenfold(lambda x: tf.map_fn(lambda row: row * row, x)),
)
family.case(
    "scan inside",
    value=lambda x: np.cumsum(x),
    gradient=lambda x, dy: 10 * dy * x,
    **tenfold(lambda x: tf.scan(lambda total, item: total + item, x)),
)
family.case(
    "while_loop in the backward",
    forward=lambda x: 3.0 * x,
    backward=lambda op, dy: tf.while_loop(lambda i, g: i < 3, lambda i, g: (i + 1, 2.0 * g), [tf.constant(0), dy])[1],
    inputs=[X],
    value=lambda x: 3 * x,
    gradient=lambda x, dy: 8 * dy,
    second=LOOP_SECOND,
)
