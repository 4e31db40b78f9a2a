"""Unknown rank and batch size, empty tensors, scalars, large ranks; NaN, infinities and signed zeros."""

import numpy as np

from compat_grad.testing.case import Family, f32
from tests.conformance.families.sizes_and_signs import zeros
from tests.modes import v1 as tf

family = Family("Shapes and special values")
X = f32([[0.5, -1.25, 3.0], [2.0, -0.75, 8.0]])
UNTRACED = {
    "XLA": "XLA wants to know every shape",
    "vectorized_map": "the rows of a map must have known shapes",
    "Jacobian": "the map over output elements must know their shapes",
}


def forget_rank(x):
    """Return x with nothing known about its shape."""
    everything = tf.reshape(tf.where(tf.equal(tf.zeros_like(tf.shape(x)), 0)), [-1])
    return tf.reshape(x, tf.gather(tf.shape(x), everything))


def forget_batch(x):
    rows = tf.reshape(tf.where(tf.equal(tf.zeros_like(x[:, 0]), 0.0)), [-1])
    return tf.reshape(tf.gather(x, rows), [-1, 3])


for name, forget in (("unknown rank", forget_rank), ("unknown batch size", forget_batch)):
    family.case(
        name,
        forward=lambda x: 2.0 * x,
        backward=lambda op, dy: dy * 10.0 * op.inputs[0],
        around=lambda f, forget=forget: lambda x: tf.reshape(f(forget(x)), [2, 3]),
        inputs=[X],
        value=lambda x: 2 * x,
        gradient=lambda x, dy: 10 * dy * x,
        cannot=UNTRACED,
    )
for name, shape in (("an empty tensor", (0, 3)), ("a scalar", ()), ("seven axes", (1, 2, 1, 3, 1, 1, 2))):
    family.case(
        name,
        forward=lambda x: 2.0 * x,
        backward=lambda op, dy: dy * 10.0 * op.inputs[0],
        inputs=[np.resize(X, int(np.prod(shape))).reshape(shape)],
        value=lambda x: 2 * x,
        gradient=lambda x, dy: 10 * dy * x,
        cannot={"Jacobian": "a Jacobian without elements"} if 0 in shape else None,
    )
SPECIALS = f32([np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-38, 3e38])
family.case(
    "NaN and infinities in",
    forward=lambda x: tf.identity(x),
    backward=lambda op, dy: tf.where(tf.is_finite(op.inputs[0]), dy, -dy),
    inputs=[SPECIALS],
    value=lambda x: x,
    gradient=lambda x, dy: np.where(np.isfinite(x), dy, -dy),
    second=zeros,
    cannot={"forward mode": "0 * inf among the expected tangents", "XLA": "XLA flushes denormal numbers"},
    tolerance=1e-30,
)
family.case(
    "NaN and infinities out of a surrogate",
    forward=lambda x: x * 1.0,
    surrogate=lambda x: 3.0 * x,
    inputs=[f32([np.nan, np.inf, -np.inf, 0.5])],
    value=lambda x: x,
    gradient=lambda x, dy: 3 * dy,
    second=zeros,
    cannot={
        "stop_gradient": "written out, the trick makes NaN of infinities",
        "forward mode": "TensorFlow's own tangent of a product with infinity is NaN",
    },
)
family.case(
    "infinities in the gradient",
    forward=lambda x: 2.0 * x,
    backward=lambda op, dy: dy / op.inputs[0],
    inputs=[f32([0.5, 0.0, -0.0, -4.0])],
    value=lambda x: 2 * x,
    gradient=lambda x, dy: np.divide(dy, x, where=True),
    second="0 * inf, where a mode adds zeros for outputs that nobody used",
    cannot={
        "Jacobian": "0 / 0 off the diagonal",
        "forward mode": "0 / 0 off the diagonal",
        "XLA": "XLA multiplies by reciprocals, which makes 0 * inf",
    },
)
