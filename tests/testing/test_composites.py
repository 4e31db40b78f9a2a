"""Ragged and sparse tensors and IndexedSlices in what a user's test says of a gradient: in, out, and between."""

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient, testing
from tests import modes
from tests.modes import v1

VALUES = np.array([0.5, -1.25, 3.0], np.float32)
PLACES = np.array([[0, 1], [1, 0], [1, 2]], np.int64)
SPLITS = np.array([0, 2, 3], np.int64)
SPARSE = v1.SparseTensorValue(PLACES, VALUES, np.array([2, 3], np.int64))
HAS_RAGGED = hasattr(getattr(v1, "ragged", None), "RaggedTensorValue")
RAGGED = v1.ragged.RaggedTensorValue(VALUES, SPLITS) if HAS_RAGGED else None
ragged = pytest.mark.skipif(not HAS_RAGGED, reason="this TensorFlow has no ragged tensors (1.13 brought them)")

pytestmark = pytest.mark.skipif(
    not hasattr(tf, "function") and modes.HAS_EAGER, reason="TensorFlow before 1.14 has no sparse tensors in eager mode"
)


def tripled(sparse):
    return tf.SparseTensor(sparse.indices, 3.0 * sparse.values, sparse.dense_shape)


def sevenfold(op, ds):
    """A gradient for a composite's values, from the same composite with the gradient of its values."""
    return 7.0 * ds.values * op.inputs[0].values


def places_of_mode(sparse):
    """Return a sparse tensor whose indices depend on the mode."""
    along = tf.zeros_like(sparse.indices) if modes.executing_eagerly() else sparse.indices
    return tf.SparseTensor(along, 1.0 * sparse.values, sparse.dense_shape)


f = override_gradient(tripled, sevenfold)
PLAIN = [mode for mode in ("graph", "eager", "tape_inside") if mode in testing.modes()]


def test_a_sparse_tensor_goes_in_and_out_in_every_mode():
    testing.assert_modes_agree(f, SPARSE, order=1)
    for mode in PLAIN:
        value, (gradient,) = testing.value_and_gradients(f, SPARSE, mode=mode)
        assert type(value) is type(gradient) is v1.SparseTensorValue
        np.testing.assert_array_equal(value.values, 3 * VALUES)
        np.testing.assert_array_equal(gradient.values, 7 * VALUES)
        np.testing.assert_array_equal(gradient.indices, PLACES)


def test_every_assertion_takes_them():
    testing.assert_gradient(f, SPARSE, lambda values, dy: 7 * dy * values, order=2, tolerance=64, modes=PLAIN)
    testing.assert_gradient(
        f,
        SPARSE,
        lambda values, dy: 70 * values,
        output_gradients=SPARSE._replace(values=0 * VALUES + 10),
        modes=PLAIN,
    )
    testing.assert_matches_numeric(tripled, SPARSE, modes=PLAIN)
    testing.assert_overridden(f, SPARSE, modes=PLAIN)
    with pytest.raises(AssertionError, match=r"gradient of inputs\[0\].values"):
        testing.assert_surrogate(f, tripled, SPARSE, modes=PLAIN)


def test_structures_of_them_and_nothing():
    def g(pair, scale):
        return {"sparse": f(pair[0]), "none": None, "both": (pair[1] * scale, 2.0 * pair[0].values)}

    inputs = dict(pair=[SPARSE, VALUES], scale=np.float32(3))
    testing.assert_modes_agree(g, inputs, modes=PLAIN)
    value, gradients = testing.value_and_gradients(g, inputs)
    assert value["none"] is None
    np.testing.assert_array_equal(value["sparse"].indices, PLACES)
    np.testing.assert_array_equal(gradients["pair"][0].values, 7 * VALUES + 2)
    np.testing.assert_array_equal(gradients["pair"][1], [3, 3, 3])


@ragged
def test_ragged_tensors_go_in_and_out():
    def doubled(rows):
        return rows.with_values(2.0 * rows.values)

    g = override_gradient(doubled, lambda op, dr: dr.with_values(5.0 * dr.values))
    testing.assert_modes_agree(g, RAGGED, modes=PLAIN)
    value, (gradient,) = testing.value_and_gradients(g, RAGGED)
    assert value.to_list() == [[1.0, -2.5], [6.0]] and gradient.to_list() == [[5.0, 5.0], [5.0]]
    nested = v1.ragged.RaggedTensorValue(RAGGED, np.array([0, 1, 2], np.int64))
    value, (gradient,) = testing.value_and_gradients(lambda rows: rows.with_flat_values(2.0 * rows.flat_values), nested)
    assert value.to_list() == [[[1.0, -2.5]], [[6.0]]] and gradient.to_list() == [[[2.0, 2.0]], [[2.0]]]
    with pytest.raises(AssertionError, match=r"gradient of inputs\[0\].values"):
        testing.assert_gradient(g, RAGGED, lambda values, dy: dy, modes=PLAIN)


def test_indexed_slices_come_as_gradients_and_as_outputs():
    def rows(table):
        return tf.gather(table, [2, 0, 2])

    table = np.array([[1.0, -2.0], [0.5, 3.0], [-1.0, 2.0]], np.float32)
    without_shape = override_gradient(rows, lambda op, dy: tf.IndexedSlices(3.0 * dy, [2, 0, 2]))
    testing.assert_modes_agree(without_shape, table, order=1)
    testing.assert_gradient(rows, table, [np.array([[1, 1], [0, 0], [2, 2]])], modes=PLAIN)

    def slices(table):
        return tf.IndexedSlices(2.0 * table, tf.constant([2, 0, 1]))

    testing.assert_modes_agree(slices, table, modes=PLAIN)
    value, (gradient,) = testing.value_and_gradients(slices, table)
    np.testing.assert_array_equal(value.indices, [2, 0, 1])
    np.testing.assert_array_equal(gradient, np.full_like(table, 2))


def test_the_component_that_differs_is_named(functions):
    with pytest.raises(AssertionError, match=r"(?s)places_of_mode: output.indices.*Worst element: \[0, 1\] 0 of eager"):
        testing.assert_modes_agree(places_of_mode, SPARSE, modes=["graph", "eager"], order=1)


def test_eager_ones_are_taken_as_they_are_and_those_of_graphs_are_refused():
    if modes.HAS_EAGER:
        testing.assert_modes_agree(f, tf.SparseTensor(PLACES, VALUES, [2, 3]), order=1, modes=PLAIN)
    else:
        with pytest.raises(TypeError, match="has no values outside of its graph"):
            testing.assert_modes_agree(f, tf.SparseTensor(PLACES, VALUES, [2, 3]))
