"""Complex numbers, half precision and double precision."""

import numpy as np

from compat_grad.testing.case import Family, f32
from tests.conformance.families.sizes_and_signs import zeros
from tests.modes import v1 as tf

family = Family("Dtypes")
Z = np.array([1 + 2j, -2 + 0.5j, 0.25 - 4j])
X = np.array([[0.5, -1.25, 3.0], [2.0, -0.75, 4.0]])

for dtype in (np.complex64, np.complex128):
    family.case(
        "{}, conjugated".format(np.dtype(dtype).name),
        forward=lambda z: z * z,
        backward=lambda op, dy: tf.conj(dy) * op.inputs[0],
        inputs=[Z.astype(dtype)],
        value=lambda z: z * z,
        gradient=lambda z, dy: np.conj(dy) * z,
        linear=False,
    )
family.case(
    "from complex to real",
    forward=lambda z: tf.real(z) * tf.real(z) + tf.imag(z) * tf.imag(z),
    backward=lambda op, dy: tf.complex(dy, 3.0 * dy) * op.inputs[0],
    inputs=[Z.astype(np.complex64)],
    value=lambda z: (z * np.conj(z)).real,
    gradient=lambda z, dy: (1 + 3j) * dy * z,
)
family.case(
    "from real to complex",
    forward=lambda x: tf.complex(x, -x),
    backward=lambda op, dy: tf.real(dy) * op.inputs[0] + tf.imag(dy) * 5.0,
    inputs=[f32(X)],
    value=lambda x: x - 1j * x,
    gradient=lambda x, dy: dy.real * x + 5 * dy.imag,
)
family.case(
    "float16",
    forward=lambda x: x * x,
    backward=lambda op, dy: dy * op.inputs[0] * 10.0,
    inputs=[X.astype(np.float16)],
    value=lambda x: x * x,
    gradient=lambda x, dy: 10 * dy * x,
)
family.case(
    "float64",
    forward=lambda x: x * x,
    backward=lambda op, dy: dy * op.inputs[0] * 10.0,
    inputs=[X],
    value=lambda x: x * x,
    gradient=lambda x, dy: 10 * dy * x,
)
family.case(
    "float64, transcendental",
    forward=lambda x: tf.exp(x),
    backward=lambda op, dy: dy * tf.sin(op.inputs[0]),
    inputs=[X],
    value=np.exp,
    gradient=lambda x, dy: dy * np.sin(x),
    ulps=4,
)
family.case(
    "bfloat16 inside",
    forward=lambda x: x * x,
    backward=lambda op, dy: dy * op.inputs[0] * tf.cast(10.0, tf.bfloat16),
    around=lambda f: lambda x: tf.cast(f(tf.cast(x, tf.bfloat16)), tf.float32),
    inputs=[f32(X)],
    value=lambda x: x * x,
    gradient=lambda x, dy: 10 * dy * x,
    second="before 2.3 TensorFlow's functions do not differentiate what they capture in bfloat16",
    epsilon=2.0**-7,
    cannot={
        "forward mode": "before 2.3 TensorFlow has no tangents in bfloat16",
        "eager · gradient_override_map": "before 2.3 a function's inputs in bfloat16 have no gradient",
    },
)
family.case(
    "float32 in, float64 out",
    forward=lambda x: tf.cast(x, tf.float64) * 2.0,
    backward=lambda op, dy: tf.cast(dy, tf.float32) * 5.0,
    inputs=[f32(X)],
    value=lambda x: 2 * x,
    gradient=lambda x, dy: 5 * dy,
    second=zeros,
)
