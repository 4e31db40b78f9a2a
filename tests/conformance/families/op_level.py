"""Op-level overrides: every op of a type inside forward has another gradient, the rest its own."""

import numpy as np

from compat_grad import override_gradient
from compat_grad.testing.case import Family, f32
from tests.conformance.families.rectifiers import relu
from tests.conformance.families.sizes_and_signs import zeros
from tests.modes import v1 as tf

family = Family("Op-level overrides")
X = f32([[0.5, -1.25, 3.0], [-2.0, 0.75, -8.0]])
W = f32([[1.0, -2.0], [0.5, 3.0], [-1.0, 2.0]])


def guided(op, dy):
    return tf.where(tf.logical_and(dy > 0.0, op.inputs[0] > 0.0), dy, tf.zeros_like(dy))


def two_layers(x, w):
    return tf.nn.relu(tf.matmul(tf.nn.relu(x), w))


def guided_through_two_layers(x, w, dy):
    hidden = relu(x)
    to_sum = dy * (dy > 0) * (hidden.dot(w) > 0)
    to_hidden = to_sum.dot(w.T)
    return [to_hidden * (to_hidden > 0) * (x > 0), hidden.T.dot(to_sum)]


family.case(
    "guided backpropagation through two layers",
    forward=two_layers,
    backward={"Relu": guided},
    inputs=[X, W],
    value=lambda x, w: relu(relu(x).dot(w)),
    gradient=guided_through_two_layers,
    second="the second derivative is guided again, which differences of the formula do not know",
    linear=False,
)
family.case(
    "guided backpropagation through layers that are computed again",
    forward=override_gradient(two_layers, lambda op, dy: op.native_gradient(dy), name="checkpoint"),
    backward={"Relu": guided},
    inputs=[X, W],
    value=lambda x, w: relu(relu(x).dot(w)),
    gradient=guided_through_two_layers,
    second="the second derivative is guided again, which differences of the formula do not know",
    linear=False,
)
family.case(
    "deconvolution through two layers",
    forward=two_layers,
    backward={"Relu": lambda op, dy: tf.nn.relu(dy)},
    inputs=[X, W],
    value=lambda x, w: relu(relu(x).dot(w)),
    gradient=lambda x, w, dy: [relu(relu(dy).dot(w.T)), relu(x).T.dot(relu(dy))],
    second="the second derivative is deconvolved again, which differences of the formula do not know",
    linear=False,
)
family.case(
    "straight-through Round and Sign at once",
    forward=lambda x: tf.round(x) * 2.0 + tf.sign(x) * x,
    backward={"Round": "Identity", "Sign": lambda op, dy: dy * 0.5},
    inputs=[f32([0.5, 1.25, 2.75])],
    value=lambda x: np.round(x) * 2 + np.sign(x) * x,
    gradient=lambda x, dy: dy * 2 + dy * x * 0.5 + dy * np.sign(x),
    # the gradient holds Sign's output and, in Sign's gradient, x: in turn by the override, and natively
    second=lambda x, dy, v: dy * v * (0.5 + 0.5),
)
family.case(
    "native gradient, scaled",
    forward=lambda x: tf.square(x) + x,
    backward={"Square": lambda op, dy: 3.0 * op.native_gradient(dy)[0]},
    inputs=[X],
    value=lambda x: x * x + x,
    gradient=lambda x, dy: 6 * x * dy + dy,
)
family.case(
    "an op type that only one branch of the sum has",
    forward=lambda x: tf.floor(x) + tf.nn.relu(x),
    backward={"Floor": "Identity"},
    inputs=[X],
    value=lambda x: np.floor(x) + relu(x),
    gradient=lambda x, dy: dy + dy * (x > 0),
    second=zeros,
)
