"""Several inputs and outputs, unused ones, None, integers, strings, nested structures, keywords and plain values."""

import collections

import numpy as np

from compat_grad.testing.case import Family, f32
from tests.conformance.families.sizes_and_signs import zeros
from tests.modes import v1 as tf

family = Family("Arguments and outputs")
X, Y = f32([[0.5, -1.25, 3.0]]), f32([[2.0, 4.0, -0.5]])
Pair = collections.namedtuple("Pair", "first second")


def twice(x, *others):
    return 2 * x


family.case(
    "two inputs, two outputs",
    forward=lambda x, y: (x + y, x - y),
    backward=lambda op, da, db: [da * op.inputs[1] * 10.0, db * op.inputs[0]],
    inputs=[X, Y],
    value=lambda x, y: [x + y, x - y],
    gradient=lambda x, y, da, db: [10 * da * y, db * x],
)
family.case(
    "an output that nobody uses",
    forward=lambda x: (2.0 * x, 5.0 * x),
    around=lambda f: lambda x: f(x)[1],
    backward=lambda op, da, db: da * 100.0 + db * op.inputs[0],
    inputs=[X],
    value=lambda x: 5 * x,
    gradient=lambda x, db: db * x,
)
family.case(
    "an output that is an input",
    forward=lambda x: (x, x),
    backward=lambda op, da, db: da * 3.0 + db * op.inputs[0],
    inputs=[X],
    value=lambda x: [x, x],
    gradient=lambda x, da, db: 3 * da + db * x,
)
family.case(
    "None for an input",
    forward=lambda x, y: x * y,
    backward=lambda op, dy: [None, dy * 7.0],
    inputs=[X, Y],
    value=lambda x, y: x * y,
    gradient=lambda x, y, dy: [None, 7 * dy],
    second=lambda x, y, dy, v: [None, None],
)
family.case(
    "an integer input",
    forward=lambda x, n: x * tf.cast(n, tf.float32),
    backward=lambda op, dy: [dy * 10.0 * tf.cast(op.inputs[1], tf.float32), None],
    inputs=[X, np.int32(3)],
    value=lambda x, n: 3 * x,
    gradient=lambda x, n, dy: 30 * dy,
    second=zeros,
)
family.case(
    "integer and boolean outputs",
    forward=lambda x: (tf.cast(x, tf.int32), 2.0 * x, x > 0.0),
    backward=lambda op, dn, dy, db: dy * (5.0 if dn is None and db is None else 0.0),
    inputs=[X],
    value=lambda x: [x.astype(np.int32), 2 * x, x > 0],
    gradient=lambda x, dy: 5 * dy,
    second=zeros,
)
family.case(
    "a string tensor",
    forward=lambda text, x: tf.cond(tf.equal(text, b"double"), lambda: 2.0 * x, lambda: 3.0 * x),
    backward=lambda op, dy: [None, dy * 10.0],
    inputs=[np.array(b"double", object), X],
    value=lambda text, x: 2 * x,
    gradient=lambda text, x, dy: 10 * dy,
    second=lambda text, x, dy, v: zeros(x),
    cannot={"XLA": "XLA has no strings", "vectorized_map": "vectorized_map has no strings"},
)
family.case(
    "plain values and a string",
    forward=lambda x, factor, mode: x * factor if mode == "scale" else x,
    backward=lambda op, dy: dy * (op.inputs[1] + (100.0 if op.inputs[2] == "scale" else 0.0)),
    around=lambda f: lambda x: f(x, 2.0, mode="scale"),
    inputs=[X],
    value=twice,
    gradient=lambda x, dy: 102 * dy,
    second=zeros,
)
family.case(
    "keywords in another order",
    forward=lambda x, y, scale=1.0: x * y * scale,
    backward=lambda op, dy: [dy * op.inputs[1] * 10.0, dy * op.inputs[0] * 100.0],
    around=lambda f: lambda x, y: f(scale=4.0, y=y, x=x),
    inputs=[X, Y],
    value=lambda x, y: 4 * x * y,
    gradient=lambda x, y, dy: [10 * dy * y, 100 * dy * x],
)
family.case(
    "nested structures in",
    forward=lambda params: params["w"][0] * params["w"][1].first + params["b"],
    backward=lambda op, dy: {"w": [dy * 3.0, Pair(dy * 5.0, None)], "b": dy * op.kwargs["params"]["b"]},
    around=lambda f: lambda x, y: f(params={"w": [x, Pair(y, None)], "b": y}),
    inputs=[X, Y],
    value=lambda x, y: x * y + y,
    gradient=lambda x, y, dy: [3 * dy, 5 * dy + dy * y],
)
family.case(
    "nested structures out",
    forward=lambda x: {"b": [2.0 * x, (x + 1.0,)], "a": Pair(-x, None)},
    backward=lambda op, da, db, dc: da + 10.0 * db + 100.0 * dc * op.inputs[0],
    around=lambda f: lambda x: [f(x)["a"].first, f(x)["b"][0], f(x)["b"][1][0]],
    inputs=[X],
    value=lambda x: [-x, 2 * x, x + 1],
    gradient=lambda x, da, db, dc: da + 10 * db + 100 * dc * x,
)
family.case(
    "one tensor given twice",
    forward=lambda x, y: x + y,
    backward=lambda op, dy: [dy * 10.0, dy * op.inputs[1]],
    around=lambda f: lambda x: f(x, x),
    inputs=[X],
    value=twice,
    gradient=lambda x, dy: 10 * dy + dy * x,
)
