"""Straight-through estimators and quantisers.

BinaryConnect/BinaryNet (Courbariaux 2016), XNOR-Net (Rastegari 2016), DoReFa (Zhou 2016), ternary weights (Li 2016),
LSQ (Esser 2020), Gumbel-softmax (Jang 2017).
"""

import numpy as np

from compat_grad.testing.case import Family, f32
from tests.conformance.families.sizes_and_signs import zeros
from tests.modes import v1 as tf

family = Family("Straight-through, quantisers")
X = f32([[0.3, -1.25, 2.6], [0.7, -0.4, 1.8]])
LOGITS = f32([[0.5, 2.0, -1.0], [1.5, 0.25, 1.0]])
SMALL = f32([[0.3, -0.5, 0.6], [0.7, -0.4, 0.2]])  # where 1 - tanh(x)^2 is well conditioned
NOISE = f32([[0.25, -0.5, 1.0], [0.5, 0.25, -0.25]])


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_gradient(x, dy):
    p = softmax(x)
    return p * (dy - np.sum(p * dy, axis=1, keepdims=True))


def one_hot_of_largest(x):
    return np.eye(3)[x.argmax(axis=1)]


family.case(
    "sign",
    forward=tf.sign,
    backward="Identity",
    inputs=[X],
    value=np.sign,
    gradient=lambda x, dy: dy,
    second=zeros,
)
family.case(
    "sign, saturating",
    forward=tf.sign,
    backward=lambda op, dy: dy * tf.cast(tf.abs(op.inputs[0]) <= 1.0, tf.float32),
    inputs=[X],
    value=np.sign,
    gradient=lambda x, dy: dy * (np.abs(x) <= 1),
    second=zeros,
)
family.case(
    "round",
    forward=tf.round,
    backward="Identity",
    inputs=[np.abs(X)],
    value=np.round,
    gradient=lambda x, dy: dy,
    second=zeros,
)
family.case(
    "floor, as a surrogate",
    forward=tf.floor,
    surrogate=lambda x: 2.0 * x,
    inputs=[X],
    value=np.floor,
    gradient=lambda x, dy: 2 * dy,
    second=zeros,
    tolerance=8,
)
family.case(
    "step with tanh's gradient",
    forward=tf.sign,
    surrogate=tf.tanh,
    inputs=[SMALL],
    value=np.sign,
    gradient=lambda x, dy: dy * (1 - np.tanh(x) ** 2),
    tolerance=8,
    ulps=8,
    ulps_xla=64,
)
family.case(
    "spike with a fast sigmoid's gradient",
    forward=lambda x: tf.cast(x > 0.0, tf.float32),
    backward=lambda op, dy: dy / tf.square(1.0 + 10.0 * tf.abs(op.inputs[0])),
    inputs=[X],
    value=lambda x: 1.0 * (x > 0),
    gradient=lambda x, dy: dy / (1 + 10 * np.abs(x)) ** 2,
    tolerance=8,
    ulps=1,
    ulps_xla=4,
)
family.case(
    "largest of each row",
    forward=lambda x: tf.one_hot(tf.argmax(x, 1), 3),
    surrogate=lambda x: tf.nn.softmax(x),
    inputs=[LOGITS],
    value=one_hot_of_largest,
    gradient=softmax_gradient,
    tolerance=8,
    ulps=8,
    ulps_second=16,
    ulps_xla=16,
)
family.case(
    "Gumbel-softmax",
    forward=lambda x, noise: tf.one_hot(tf.argmax(x + noise, 1), 3),
    surrogate=lambda x, noise: tf.nn.softmax((x + noise) / 0.5),
    inputs=[LOGITS, NOISE],
    value=lambda x, noise: one_hot_of_largest(x + noise),
    gradient=lambda x, noise, dy: [2 * softmax_gradient(2 * (x + noise), dy)] * 2,
    tolerance=32,
    ulps=8,
    ulps_second=16,
    ulps_xla=16,
)
family.case(
    "DoReFa weights",
    forward=lambda w: tf.floor(3.0 * dorefa_range(w) + 0.5) * (2.0 / 3.0) - 1.0,
    surrogate=lambda w: 2.0 * dorefa_range(w) - 1.0,
    inputs=[SMALL],
    value=lambda w: 2 * np.floor(3 * numpy_dorefa_range(w) + 0.5) / 3 - 1,
    gradient=lambda w, dy: dorefa_gradient(w, dy),
    tolerance=16,
    ulps=8,
    ulps_xla=64,
)
family.case(
    "XNOR weights",
    forward=lambda w: tf.sign(w) * tf.reduce_mean(tf.abs(w)),
    backward=lambda op, dy: (
        tf.sign(op.inputs[0]) * tf.reduce_sum(dy * tf.sign(op.inputs[0])) / 4.0
        + dy * tf.reduce_mean(tf.abs(op.inputs[0]))
    ),
    inputs=[f32([0.5, -1.5, 2.0, -4.0])],
    value=lambda w: np.sign(w) * np.mean(np.abs(w)),
    gradient=lambda w, dy: np.sign(w) * np.sum(dy * np.sign(w)) / 4 + dy * np.mean(np.abs(w)),
)
family.case(
    "ternary weights",
    forward=lambda w: tf.sign(w) * tf.cast(tf.abs(w) > 0.75 * tf.reduce_mean(tf.abs(w)), tf.float32),
    backward="Identity",
    inputs=[f32([0.5, -1.5, 2.0, -4.0])],
    value=lambda w: f32([0, 0, 1, -1]),
    gradient=lambda w, dy: dy,
    second=zeros,
)
family.case(
    "learned step size",
    forward=lambda x, step: tf.floor(tf.clip_by_value(x / step, -2.0, 1.0) + 0.5) * step,
    backward=lambda op, dy: lsq_backward(tf, op.inputs[0] / op.inputs[1], dy),
    inputs=[f32([0.6, -1.1, 2.6, -1.8, 0.1]), np.float32(0.5)],
    value=lambda x, step: np.floor((x / step).clip(-2, 1) + 0.5) * step,
    gradient=lambda x, step, dy: [
        dy * (np.abs(x / step + 0.5) < 1.5),
        np.sum(
            dy * np.where(np.abs(x / step + 0.5) < 1.5, np.floor(x / step + 0.5) - x / step, (x / step).clip(-2, 1))
        ),
    ],
    tolerance=8,
    ulps_xla=64,
)


def lsq_backward(tf, scaled, dy):
    inside = tf.abs(scaled + 0.5) < 1.5
    to_step = tf.where(inside, tf.floor(scaled + 0.5) - scaled, tf.clip_by_value(scaled, -2.0, 1.0))
    return dy * tf.cast(inside, tf.float32), tf.reduce_sum(dy * to_step)


def dorefa_range(w):
    # By the largest weight's tanh, as a constant; multiplied, because graph rewriting may turn a quotient into that.
    return tf.tanh(w) * float(0.5 / np.tanh(2.6)) + 0.5


def numpy_dorefa_range(w):
    return np.tanh(w) / (2 * np.tanh(2.6)) + 0.5


def dorefa_gradient(w, dy):
    return dy * (1 - np.tanh(w) ** 2) / np.tanh(2.6)


family.case(
    "relative gradient, multiplied",
    forward=lambda x: 2.0 * x,
    surrogate=lambda x: x * x,
    combine="multiply",
    inputs=[f32([0.5, -2.0, 4.0, 8.0])],
    value=lambda x: 2 * x,
    gradient=lambda x, dy: dy * (2 * x / (x * x)) * 2 * x,
    ulps_xla=4,
    second=lambda x, dy, v: dy * v * (2 * x / (x * x)) * 2,  # the ratio is a constant in every derivative
)
