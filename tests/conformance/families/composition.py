"""Overrides within overrides, within backwards, one after another, and checkpointing written as an override."""

from compat_grad.testing.case import Family, f32
from tests.conformance.families.sizes_and_signs import zeros
from tests.modes import v1 as tf

family = Family("Composition")
X = f32([0.5, -1.25, 3.0])


def tenfold(override):
    return override(lambda x: 2.0 * x, lambda op, dy: dy * 10.0 * op.inputs[0])


def nested(override):
    inner = tenfold(override)
    return override(lambda x: inner(inner(x)), lambda op, dy: dy * 7.0)


def in_backward(override):
    inner = tenfold(override)
    return override(lambda x: 1.0 * x, lambda op, dy: dy * inner(op.inputs[0]))


def in_surrogate(override):
    inner = tenfold(override)
    return override(lambda x: 5.0 * x, surrogate=lambda x: inner(x) + x)


family.case(
    "within another's forward",
    build=nested,
    inputs=[X],
    value=lambda x: 4 * x,
    gradient=lambda x, dy: 7 * dy,
    second=zeros,
)
family.case(
    "within another's backward",
    build=in_backward,
    inputs=[X],
    value=lambda x: x,
    gradient=lambda x, dy: 2 * dy * x,
    second=lambda x, dy, v: 10 * x * dy * v,  # the inner override's gradient, with dy * v coming in
)
family.case(
    "within another's surrogate",
    build=in_surrogate,
    inputs=[X],
    value=lambda x: 5 * x,
    gradient=lambda x, dy: 10 * dy * x + dy,
)
family.case(
    "one after another",
    build=lambda override: lambda x, f=None: tenfold(override)(tenfold(override)(x)),
    inputs=[X],
    value=lambda x: 4 * x,
    gradient=lambda x, dy: 200 * dy * x * x,
    # the first one's output, in the second one's gradient, has its own overridden gradient: 10 x, not 2
    second=lambda x, dy, v: dy * v * (100 * x * 10 * x + 200 * x),
)
family.case(
    "side by side",
    build=lambda override: lambda x: tenfold(override)(x) * override(lambda x: x + 1.0, lambda op, dy: -dy)(x),
    inputs=[X],
    value=lambda x: 2 * x * (x + 1),
    gradient=lambda x, dy: dy * (x + 1) * 10 * x - dy * 2 * x,
    second=lambda x, dy, v: dy * v * (-10 * x + 10 * (x + 1) - 10 * x),
)


def checkpointed(function, gradient):
    """Recompute in the backward pass instead of keeping what function computes on its way."""

    def build(override):
        return override(function, lambda op, dy: dy * gradient(op.inputs[0]))

    return build


family.case(
    "recomputing, by hand",
    build=checkpointed(lambda x: (x * x + 1.0) * x, lambda x: 3.0 * x * x + 1.0),
    inputs=[X],
    value=lambda x: x**3 + x,
    gradient=lambda x, dy: dy * (3 * x * x + 1),
    true_gradient=True,
)
family.case(
    "recomputing, by tf.gradients",
    build=lambda override: override(
        lambda x: (x * x + 1.0) * x, lambda op, dy: recomputed(lambda x: (x * x + 1.0) * x, op.inputs[0], dy)
    ),
    inputs=[X],
    value=lambda x: x**3 + x,
    gradient=lambda x, dy: dy * (3 * x * x + 1),
    true_gradient=True,
    cannot={"forward mode": "TensorFlow's forward mode lets no tape in a backward record; its recompute_grad refuses"},
)


def recomputed(function, x, dy):
    if getattr(tf, "executing_eagerly", bool)():
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return tape.gradient(y, [x], [dy])[0]  # not in a list, 1.8 crashes on it
    gradient = tf.gradients(function(x), x, dy)[0]
    if gradient is None:
        raise NotImplementedError("tf.gradients finds nothing within the gradient of a function (1.11)")
    return gradient


def five_hundred_times(f):
    def chain(x):
        for _ in range(501):
            x = f(x)
        return x

    return chain


TOO_LONG = "five hundred calls take too long to transform"
family.case(
    "five hundred in one graph",
    forward=lambda x: 1.0 * x,
    backward=lambda op, dy: -dy,
    around=five_hundred_times,
    inputs=[X],
    value=lambda x: x,
    gradient=lambda x, dy: -dy,
    second="the chain is linear; its second derivative is that of one link",
    cannot=dict.fromkeys(["XLA", "vectorized_map", "Jacobian", "forward mode", "custom_gradient"], TOO_LONG),
)
