"""Functions whose native gradient is infinite or NaN where the value is perfectly well."""

import numpy as np

from compat_grad.testing.case import Family, f32
from tests.modes import v1 as tf

family = Family("Safe log, sqrt, norm, divide")
X = f32([0.5, 1.0, 4.0, 0.0])
TINY = 0.125


family.case(
    "logarithm",
    forward=lambda x: tf.log(tf.maximum(x, TINY)),
    backward=lambda op, dy: dy / tf.maximum(op.inputs[0], TINY),
    inputs=[X],
    value=lambda x: np.log(np.maximum(x, TINY)),
    gradient=lambda x, dy: dy / np.maximum(x, TINY),
    ulps=1,
    ulps_xla=4,
)
family.case(
    "square root",
    forward=tf.sqrt,
    backward=lambda op, dy: dy * 0.5 / tf.maximum(op.outputs[0], TINY),
    inputs=[X],
    value=np.sqrt,
    gradient=lambda x, dy: dy / 2 / np.maximum(np.sqrt(x), TINY),
    second=lambda x, dy, v: np.where(
        x > TINY**2, -dy * v * dy_free(x) / np.maximum(x, TINY) * 0.5, 0.0
    ),  # the override again: 1 / (2 y)
    ulps=4,  # to 1.4 a square root is an approximation: 1 ULP off, three times that in y ** -3
    ulps_xla=4,
)


def dy_free(x):
    return 0.5 / np.maximum(np.sqrt(x), TINY)


family.case(
    "norm",
    forward=lambda x: tf.sqrt(tf.reduce_sum(x * x, 1)),
    backward=lambda op, dy: (
        tf.expand_dims(dy, 1) * op.inputs[0] / tf.expand_dims(tf.maximum(norm(op.inputs[0]), TINY), 1)
    ),
    inputs=[f32([[3.0, -4.0], [0.0, 0.0], [0.5, 1.0]])],
    value=lambda x: np.sqrt(np.sum(x * x, axis=1)),
    gradient=lambda x, dy: dy[:, None] * x / np.maximum(np.sqrt(np.sum(x * x, axis=1)), TINY)[:, None],
    second=lambda x, dy, v: norm_second(x, dy, v),
    ulps=4,
    ulps_xla=64,
)


def norm(x):
    return tf.sqrt(tf.maximum(tf.reduce_sum(x * x, 1), TINY * TINY))


def norm_second(x, dy, v):
    squares = np.sum(x * x, axis=1, keepdims=True)
    r, big = np.sqrt(np.maximum(squares, TINY**2)), squares > TINY**2
    return dy[:, None] * (v / r - big * x * np.sum(x * v, axis=1, keepdims=True) / r**3)


family.case(
    "division",
    forward=lambda a, b: tf.where(tf.equal(b, 0.0), tf.zeros_like(a), a / safe(b)),
    backward=lambda op, dy: [dy / safe(op.inputs[1]), -dy * op.inputs[0] / tf.square(safe(op.inputs[1]))],
    inputs=[f32([1.0, -3.0, 2.0]), f32([0.5, 0.0, -4.0])],
    value=lambda a, b: np.where(b == 0, 0, a / numpy_safe(b)),
    gradient=lambda a, b, dy: [dy / numpy_safe(b), -dy * a / numpy_safe(b) ** 2],
    second=lambda a, b, dy, v, w: [
        -dy * w / numpy_safe(b) ** 2,
        (b != 0) * (-dy * v / numpy_safe(b) ** 2 + 2 * dy * a * w / numpy_safe(b) ** 3),
    ],
)


def safe(b):
    return tf.where(tf.equal(b, 0.0), tf.ones_like(b), b)


def numpy_safe(b):
    return np.where(b == 0, 1.0, b)


family.case(
    "log(1 + exp)",
    forward=lambda x: tf.maximum(x, 0.0) + tf.log1p(tf.exp(-tf.abs(x))),  # spelt log(1 + ..), rewriting makes it that
    backward=lambda op, dy: dy * tf.sigmoid(op.inputs[0]),
    inputs=[f32([0.5, 1.5, -4.0, -1.0])],
    value=lambda x: np.logaddexp(0, x),
    gradient=lambda x, dy: dy / (1 + np.exp(-x)),
    tolerance=8,
    true_gradient=True,
    ulps=32,  # 2.4 has a logistic function of its own: 15 from all others
    ulps_xla=256,
    ulps_vectorized=64,
)
family.case(
    "arc cosine",
    forward=lambda x: tf.acos(tf.clip_by_value(x, -1.0, 1.0)),
    backward=lambda op, dy: -dy * tf.rsqrt(tf.maximum(1.0 - tf.square(op.inputs[0]), TINY)),
    inputs=[f32([0.5, 1.0, -0.25])],
    value=np.arccos,
    gradient=lambda x, dy: -dy / np.sqrt(np.maximum(1 - x * x, TINY)),
    tolerance=8,
    ulps=4,
    ulps_xla=8,
)
