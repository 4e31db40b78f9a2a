"""Variables: passed, captured, updated by the backward. In TensorFlow 1 graphs these are reference variables."""

import numpy as np

from compat_grad.testing.case import Family, f32
from tests.modes import v1 as tf

family = Family("Variables")
X, W = f32([0.5, -1.25, 3.0]), f32([2.0, 4.0, -0.5])


def captured(forward, backward):
    """Return how to build an override whose forward captures w."""

    def build(override):
        return lambda w, x: override(lambda x: forward(w, x), backward)(x)

    return build


family.case(
    "passed",
    forward=lambda w, x: w * x,
    backward=lambda op, dy: [dy * 3.0 * op.inputs[1], dy * 100.0 * op.inputs[0]],
    variables=[W],
    inputs=[X],
    value=lambda w, x: w * x,
    gradient=lambda w, x, dy: [3 * dy * x, 100 * dy * w],
)
family.case(
    "passed in a structure by keyword",
    forward=lambda x, params=None: params["w"] * x,
    backward=lambda op, dy: [dy * 3.0, dy * 100.0 * op.kwargs["params"]["w"]],
    around=lambda f: lambda w, x: f(x, params={"w": w}),
    variables=[W],
    inputs=[X],
    value=lambda w, x: w * x,
    gradient=lambda w, x, dy: [100 * dy * w, 3 * dy],
)
family.case(
    "captured",
    build=captured(
        lambda w, x: w * x, lambda op, dy, variables: (dy * 10.0, [dy * tf.convert_to_tensor(op.inputs[0]) * 5.0])
    ),
    variables=[W],
    inputs=[X],
    value=lambda w, x: w * x,
    gradient=lambda w, x, dy: [5 * dy * x, 10 * dy],
)
family.case(
    "two captured",
    build=lambda override: (
        lambda v, w, x: override(
            lambda x: v * x + w, lambda op, dy, variables: (dy * 10.0, [dy * 3.0, dy * op.inputs[0]])
        )(x)
    ),
    variables=[W, 2 * W],
    inputs=[X],
    value=lambda v, w, x: v * x + w,
    gradient=lambda v, w, x, dy: [3 * dy, dy * x, 10 * dy],
)
family.case(
    "captured by a surrogate",
    build=lambda override: lambda w, x: override(lambda x: tf.sign(x), surrogate=lambda x: w * x)(x),
    variables=[W],
    inputs=[X],
    value=lambda w, x: np.sign(x),
    gradient=lambda w, x, dy: [dy * x, dy * w],
)
family.case(
    "read by the backward only",
    build=lambda override: (
        lambda w, x: override(lambda x: 2.0 * x, lambda op, dy: dy * tf.stop_gradient(tf.convert_to_tensor(w)))(x)
    ),
    variables=[W],
    inputs=[X],
    value=lambda w, x: 2 * x,
    gradient=lambda w, x, dy: [None, dy * w],
    second=lambda w, x, dy, v: [None, None],
)
