"""Random and counting forwards: the forward runs exactly once for each call, so its outputs belong together."""

import numpy as np

from compat_grad.testing.case import Family, f32
from tests.conformance.families.host_functions import ON_THE_HOST, unshaped
from tests.modes import v1 as tf

family = Family("Stateful and random forwards")
X = f32([0.5, -1.25, 3.0])
RANDOM = {
    "XLA": "XLA may compute the random numbers twice",
    "vectorized_map": "the random numbers of rows are TensorFlow's affair",
    "Jacobian": "the map over output elements may draw again",
}


def random_eighths():
    return tf.floor(tf.random_uniform([3]) * 8.0) / 8.0  # exact when added


def noisy(x):
    noise = random_eighths()
    return x + noise, noise


family.case(
    "random noise",
    forward=noisy,
    backward=lambda op, da, db: da * (op.outputs[0] - op.outputs[1]) * 10.0,
    around=lambda f: lambda x: difference(*f(x)),
    inputs=[X],
    value=lambda x: x,
    gradient=lambda x, dy: 10 * dy * x,
    # through both outputs, the override again: 10 x for the first, nothing for the second
    second=lambda x, dy, v: 100 * dy * v * x,
    cannot=RANDOM,
)


def difference(a, b):
    return a - b


family.case(
    "dropout with its own mask",
    forward=lambda x: masked(x, tf.floor(tf.random_uniform([3]) + 0.5)),
    backward=lambda op, dy, dmask: dy * 2.0 * op.outputs[1],
    around=lambda f: lambda x: undo(x, *f(x)),
    inputs=[X],
    value=lambda x: x,
    gradient=lambda x, dy: 2 * dy,
    second=lambda x, dy, v: np.zeros_like(x),
    cannot=RANDOM,
)


def masked(x, mask):
    return x * mask, mask


def undo(x, y, mask):
    """Return x again: what was kept by the override's path, what was dropped by another with the same gradient."""
    kept = tf.stop_gradient(mask)
    return y + (1.0 - kept) * (2.0 * x - tf.stop_gradient(x))


counter = [0]


def count():
    counter[0] += 1
    return np.float32(2 ** (counter[0] % 8))


family.case(
    "a counter on the host",
    forward=lambda x: counted(x, unshaped(tf.py_func(count, [], tf.float32))),
    backward=lambda op, da, db: da * op.outputs[0] / op.outputs[1] * 10.0 * op.outputs[1],
    around=lambda f: lambda x: quotient(*f(x)),
    inputs=[X],
    value=lambda x: x,
    gradient=lambda x, dy: 10 * dy * x,
    second="the division by the count is native, and mixes with the override",
    cannot=dict(ON_THE_HOST, **{"Jacobian": "the map over output elements may count again"}),
)


def counted(x, number):
    return x * number, number


def quotient(a, b):
    return a / tf.stop_gradient(b)
