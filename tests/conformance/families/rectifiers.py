"""ReLUs with other gradients: guided backpropagation, deconvolution, and the kinds that visualisation uses."""

import numpy as np

from compat_grad.testing.case import Family, f32
from tests.conformance.families.sizes_and_signs import zeros
from tests.modes import v1 as tf

family = Family("Guided and redirected ReLU")
X = f32([[0.5, -1.25, 3.0], [-2.0, 0.75, -8.0]])


def relu(x):
    return np.maximum(x, 0)


family.case(
    "guided backpropagation",
    forward=tf.nn.relu,
    backward=lambda op, dy: tf.where(tf.logical_and(dy > 0.0, op.inputs[0] > 0.0), dy, tf.zeros_like(dy)),
    inputs=[X],
    value=relu,
    gradient=lambda x, dy: dy * (dy > 0) * (x > 0),
    second=zeros,
    linear=False,
)
family.case(
    "deconvolution",
    forward=tf.nn.relu,
    backward=lambda op, dy: tf.nn.relu(dy),
    inputs=[X],
    value=relu,
    gradient=lambda x, dy: relu(dy),
    second=zeros,
    linear=False,
)
family.case(
    "redirected where it is off",
    forward=tf.nn.relu,
    backward=lambda op, dy: tf.where(
        tf.logical_or(op.inputs[0] > 0.0, dy < 0.0), dy, tf.zeros_like(dy)
    ),  # only what would switch it on
    inputs=[X],
    value=relu,
    gradient=lambda x, dy: dy * ((x > 0) | (dy < 0)),
    second=zeros,
    linear=False,
)
family.case(
    "leaky in the backward pass only",
    forward=tf.nn.relu,
    backward=lambda op, dy: tf.where(op.inputs[0] > 0.0, dy, 0.25 * dy),
    inputs=[X],
    value=relu,
    gradient=lambda x, dy: np.where(x > 0, dy, dy / 4),
    second=zeros,
)
family.case(
    "squared ReLU for its gradient",
    forward=tf.nn.relu,
    surrogate=lambda x: tf.square(tf.nn.relu(x)),
    inputs=[X],
    value=relu,
    gradient=lambda x, dy: 2 * dy * relu(x),
)
