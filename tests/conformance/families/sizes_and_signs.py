"""Gradient reversal, scaling and clipping: identities with another gradient."""

import numpy as np

from compat_grad.testing.case import Family, f32
from tests.modes import v1 as tf

family = Family("Reversal, scaling, clipping")
X = f32([[0.5, -1.25, 3.0], [2.0, -0.75, 8.0]])


def zeros(x, *others):
    return np.zeros_like(x)


family.case(
    "gradient reversal",
    forward=tf.identity,
    backward=lambda op, dy: -0.5 * dy,
    inputs=[X],
    value=lambda x: x,
    gradient=lambda x, dy: -0.5 * dy,
    second=zeros,
)
family.case(
    "gradient scaling",
    forward=lambda x: x + 1.0,
    backward=lambda op, dy: dy * 3.0,
    inputs=[X],
    value=lambda x: x + 1,
    gradient=lambda x, dy: 3 * dy,
    second=zeros,
)
family.case(
    "scaling by a tensor",
    forward=lambda x, scale: x * 1.0,
    backward=lambda op, dy: [dy * op.inputs[1], None],
    inputs=[X, np.float32(0.25)],
    value=lambda x, scale: x,
    gradient=lambda x, scale, dy: [dy * scale, None],
    second=lambda x, scale, dy, v: [None, np.sum(dy * v)],
)
family.case(
    "clipping by value",
    forward=lambda x: 2.0 * x,
    backward=lambda op, dy: tf.clip_by_value(dy, -1.0, 1.0),
    inputs=[X],
    value=lambda x: 2 * x,
    gradient=lambda x, dy: dy.clip(-1, 1),
    second=zeros,
    linear=False,
)
family.case(
    "clipping by norm",
    forward=lambda x: 2.0 * x,
    backward=lambda op, dy: dy / tf.maximum(1.0, tf.sqrt(tf.reduce_sum(dy * dy)) / 2.0),
    inputs=[X],
    value=lambda x: 2 * x,
    gradient=lambda x, dy: dy / max(1, np.sqrt(np.sum(dy * dy)) / 2),
    second=zeros,
    linear=False,
    ulps=1,
)
family.case(
    "freezing by a mask",
    forward=lambda x, mask: x * 1.0,
    backward=lambda op, dy: [dy * op.inputs[1], tf.zeros_like(op.inputs[1])],
    inputs=[X, f32([1, 0, 2])],
    value=lambda x, mask: x,
    gradient=lambda x, mask, dy: [dy * mask, 0 * mask],
    second=lambda x, mask, dy, v, w: [None, np.sum(dy * v, axis=0)],
)
family.case(
    "gradient by the input",
    forward=lambda x: 2.0 * x,
    backward=lambda op, dy: dy * 10.0 * op.inputs[0],
    inputs=[X],
    value=lambda x: 2 * x,
    gradient=lambda x, dy: 10 * dy * x,
)
family.case(
    "gradient by the output",
    forward=lambda x: 2.0 * x,
    backward=lambda op, dy: dy * op.outputs[0],
    inputs=[X],
    value=lambda x: 2 * x,
    gradient=lambda x, dy: 2 * dy * x,
    second=lambda x, dy, v: dy * v * 2 * x,  # through the output, the override once more
)
