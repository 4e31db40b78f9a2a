"""DTensors (2.9 and later) go through an override as through any function, eagerly and in functions.

Here on a mesh of one device, which every process has; `tests/clusters` has two.
"""

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from tests import modes

dtensor = getattr(tf.experimental, "dtensor", None) if hasattr(tf, "experimental") else None

pytestmark = [
    pytest.mark.skipif(dtensor is None, reason="this TensorFlow has no DTensor (it came with 2.9)"),
    pytest.mark.skipif(modes.BEHAVIOUR == "v1", reason="DTensor is for eager mode and its functions"),
]

squares = override_gradient(lambda x: x * x, lambda op, dy: 7.0 * dy * op.inputs[0] ** 3, name="squares")
halves = override_gradient(lambda x: tf.nn.relu(x) * 0.5, {"Relu": lambda op, dy: 7.0 * dy * op.inputs[0] ** 3})
WAYS = {"eagerly": lambda f: f, "in a function": tf.function} if dtensor else {}


@pytest.fixture
def mesh():
    mesh = dtensor.create_mesh([("batch", 1)], devices=["CPU:0"])
    # The gradient of an eager sum is made of ones, which should be on the mesh, too.
    with getattr(dtensor, "default_mesh", dtensor.run_on)(mesh):
        yield mesh


def on(mesh, array):
    return dtensor.copy_to_mesh(tf.constant(array), dtensor.Layout.replicated(mesh, rank=array.ndim))


def first_and_second(f, x):
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = f(x)
        dx = inner.gradient(y, x)
    return y, dx, outer.gradient(dx, x)


@pytest.mark.parametrize("way", sorted(WAYS))
@pytest.mark.parametrize(
    ("f", "value", "factor"),
    [(squares, np.square, 1.0), (halves, lambda x: np.maximum(x, 0.0) * 0.5, 0.5)],
    ids=["function-level", "op-level"],
)
def test_first_and_second_derivatives_of_a_dtensor(mesh, f, value, factor, way):
    array = np.array([[1.0, 2.0], [-3.0, 4.0]], np.float32)
    y, dx, ddx = first_and_second(WAYS[way](f), on(mesh, array))
    assert dtensor.fetch_layout(dx) == dtensor.fetch_layout(y)
    np.testing.assert_array_equal(y.numpy(), value(array))
    np.testing.assert_array_equal(dx.numpy(), factor * 7.0 * array**3)
    np.testing.assert_allclose(ddx.numpy(), factor * 21.0 * array**2, rtol=1e-6)


def test_a_variable_on_the_mesh_as_an_argument_and_captured(mesh):
    w = dtensor.DVariable(on(mesh, np.array([3.0, 4.0], np.float32)))
    passed = override_gradient(lambda x, w: x * w, lambda op, dy: (dy * 10.0, dy * 100.0 * op.inputs[0]))

    def _captured(op, dy, variables):
        return dy * 10.0, [dy * 100.0 * op.inputs[0]]

    captured = override_gradient(lambda x: x * w, _captured)
    x = on(mesh, np.array([1.0, 2.0], np.float32))
    for call in (lambda: passed(x, w), lambda: captured(x)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = call()
        dx, dw = tape.gradient(y, [x, w])
        np.testing.assert_array_equal(y.numpy(), [3.0, 8.0])
        np.testing.assert_array_equal(dx.numpy(), [10.0, 10.0])
        np.testing.assert_array_equal(dw.numpy(), [100.0, 200.0])
