"""Composite tensors are one leaf: one input, one output, one gradient, which is the gradient of their values."""

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from tests import modes
from tests.modes import assert_same_bits, flat

NO_RAGGED = pytest.mark.skipif(not hasattr(tf, "RaggedTensor"), reason="TensorFlow has tf.RaggedTensor from 1.13 on")
RaggedTensor = getattr(tf, "RaggedTensor", None)
sparse_to_dense = getattr(getattr(tf, "sparse", None), "to_dense", None) or tf.sparse_tensor_to_dense

INDICES = np.array([[0, 1], [1, 2]], np.int64)
VALUES = np.float32([3.0, -0.5])
DENSE = np.float32([[0, 3, 0], [0, 0, -0.5]])
ROWS = np.float32([[1.5, 2.0, -3.0], [0.25, 8.0, 1.0]])


def sparse(values):
    return tf.SparseTensor(INDICES, values, [2, 3])


def slices(values):
    return tf.IndexedSlices(values, tf.constant([1, 0]), tf.constant([2, 3]))


def slices_of_lists(values):
    return tf.IndexedSlices(values, [1, 0], (2, 3))


def ragged(values):
    return tf.RaggedTensor.from_row_splits(values, [0, 1, 2])


def nested_ragged(values):
    return tf.RaggedTensor.from_nested_row_splits(values, [[0, 2], [0, 1, 2]])


#: (how one is made of its values, its type, values)
COMPOSITES = [
    pytest.param(sparse, tf.SparseTensor, VALUES, id="SparseTensor"),
    pytest.param(slices, tf.IndexedSlices, ROWS, id="IndexedSlices"),
    pytest.param(slices_of_lists, tf.IndexedSlices, ROWS, id="IndexedSlices of lists"),
    pytest.param(ragged, RaggedTensor, VALUES, id="RaggedTensor", marks=NO_RAGGED),
    pytest.param(nested_ragged, RaggedTensor, VALUES, id="RaggedTensor of rank 2", marks=NO_RAGGED),
]


def values_of(composite):
    return composite.flat_values if hasattr(composite, "flat_values") else composite.values


def like(composite, values):
    """Return the composite tensor with other values."""
    if hasattr(composite, "with_flat_values"):
        return composite.with_flat_values(values)
    if isinstance(composite, tf.SparseTensor):
        return tf.SparseTensor(composite.indices, values, composite.dense_shape)
    return tf.IndexedSlices(values, composite.indices, composite.dense_shape)


def first(mode, f, *arrays):
    """Return [f's outputs, their gradients], the outputs weighted 2, 3."""

    def program(differentiate, *inputs):
        outputs, gradients = differentiate(f, inputs, [2.0, 3.0])
        return flat(outputs), gradients

    return mode.run(program, *arrays)


#: what a backward may return for a composite tensor whose values' gradient is known
RETURNED = {
    "the values' gradient": lambda composite, gradient: gradient,
    "the composite": like,
}


@pytest.mark.parametrize("returned", RETURNED)
@pytest.mark.parametrize("make, kind, array", COMPOSITES)
def test_a_composite_tensor_is_one_input_with_one_gradient(mode, make, kind, array, returned):
    seen = []

    def forward(composite, factor):
        seen.append(type(composite))
        return values_of(composite) * factor

    def backward(op, dy):
        composite, factor = op.inputs
        assert op.args[0] is composite and op.arguments["composite"] is composite
        seen.append(type(composite))
        return RETURNED[returned](composite, 10.0 * dy * factor), 100.0 * dy * values_of(composite)

    f = override_gradient(forward, backward)
    for _ in range(2):  # the second call finds what the first one worked out
        outputs, gradients = first(mode, lambda values, factor: f(make(values), factor), array, array + 1)
        assert_same_bits(outputs, [array * (array + 1)])
        assert_same_bits(gradients, [20 * (array + 1), 200 * array])
    assert set(seen) == {kind}


@pytest.mark.parametrize("make, kind, array", COMPOSITES)
def test_a_single_composite_tensor_may_have_its_gradient_returned_alone(mode, make, kind, array):
    f = override_gradient(values_of, lambda op, dy: like(op.inputs[0], 10.0 * dy))
    outputs, gradients = first(mode, lambda values: f(make(values)), array)
    assert_same_bits([outputs, gradients], [[array], [np.full_like(array, 20)]])


@pytest.mark.parametrize("make, kind, array", COMPOSITES)
def test_a_composite_tensor_may_have_no_gradient(mode, make, kind, array):
    f = override_gradient(lambda c, x: values_of(c) * x, lambda op, dy: (None, 10.0 * dy))
    _, gradients = first(mode, lambda values, x: f(make(values), x), array, array)
    assert_same_bits(gradients, [None, np.full_like(array, 20)])


@pytest.mark.parametrize("make, kind, array", COMPOSITES)
def test_a_composite_tensor_is_one_output_whose_gradient_is_alike(mode, make, kind, array):
    seen = []

    def backward(op, dy):
        (composite,) = op.outputs
        seen.extend([type(composite), type(dy)])
        return 10.0 * values_of(dy) + values_of(composite)

    f = override_gradient(lambda values: make(values * 2.0), backward)
    for _ in range(2):
        outputs, gradients = first(mode, lambda values: values_of(f(values)), array)
        assert_same_bits(outputs, [2 * array])
        assert_same_bits(gradients, [20 + 2 * array])
    assert set(seen) == {kind}


@pytest.mark.parametrize("make, kind, array", COMPOSITES)
def test_a_variable_may_be_the_gradient_of_the_values(eager, make, kind, array):
    def program(differentiate, w, values):
        f = override_gradient(values_of, lambda op, dy: w)
        return differentiate(lambda values: f(make(values)), [values])[1]

    assert_same_bits(modes.EAGER.run(program, array, variables=[10.0 * array]), [10.0 * array])


@NO_RAGGED
def test_a_ragged_tensor_out_beside_nothing(mode):
    f = override_gradient(lambda values: {"a": None, "b": ragged(values * 2.0)}, lambda op, dy: 10.0 * dy.values)
    outputs, gradients = first(mode, lambda values: f(values)["b"].values, VALUES)
    assert_same_bits([outputs, gradients], [[2 * VALUES], [np.full_like(VALUES, 20)]])


@NO_RAGGED
def test_a_surrogate_of_a_ragged_tensor_is_ragged(mode):
    f = override_gradient(ragged, surrogate=lambda values: 10.0 * values, name="my_rule")
    with pytest.raises(ValueError, match="'my_rule': forward returned the structure composite"):
        first(mode, lambda values: f(values).values, VALUES)


@NO_RAGGED
def test_a_ragged_tensor_in_and_one_out_beside_others(mode):
    def backward(op, dy, of_ragged, of_nothing):
        (_, r), (_, out, n) = op.inputs, op.outputs
        assert isinstance(out, tf.RaggedTensor) and n.dtype == tf.int32 and of_nothing is None
        return 10.0 * dy, of_ragged * 100.0 + r

    f = override_gradient(lambda x, r: {"b": r * 2.0, "a": x * 2.0, "n": tf.constant(1)}, backward)

    def call(x, values):
        found = f(x, ragged(values))
        return [found["a"], found["b"].flat_values]

    outputs, gradients = first(mode, call, VALUES, VALUES)
    assert_same_bits(outputs, [2 * VALUES, 2 * VALUES])
    assert_same_bits(gradients, [np.float32([20, 20]), 300 + VALUES])


@NO_RAGGED
def test_an_unused_ragged_output_has_a_gradient_of_zeros(mode):
    f = override_gradient(lambda x: (ragged(x), x * 1.0), lambda op, dr, dy: 10.0 * dy + dr.flat_values + 7.0)
    _, gradients = first(mode, lambda x: f(x)[1], VALUES)
    assert_same_bits(gradients, [np.float32([27, 27])])


@NO_RAGGED
@pytest.mark.parametrize(
    "returned", [lambda r, dy: r, lambda r, dy: r.with_flat_values(dy)], ids=["integers", "floats"]
)
def test_ragged_tensors_of_integers_have_no_gradient(mode, returned):
    found = []

    def backward(op, dy, of_integers):
        found.append(of_integers)
        assert op.inputs[1].flat_values.dtype == tf.int32
        return 10.0 * dy, returned(op.inputs[1], dy)

    def call(x):
        return f(x, tf.RaggedTensor.from_row_splits(tf.constant([1, 2]), [0, 1, 2]))[0]

    f = override_gradient(lambda x, r: (x * tf.cast(r.flat_values, tf.float32), r), backward)
    outputs, gradients = first(mode, call, VALUES)
    assert found == [None]
    assert_same_bits([outputs, gradients], [[VALUES * np.float32([1, 2])], [np.float32([20, 20])]])


@NO_RAGGED
def test_one_override_takes_ragged_tensors_of_any_rank_in_any_order(mode):
    f = override_gradient(lambda r: r * 3.0, lambda op, dy: like(op.inputs[0], 10.0 * dy.flat_values))
    for make in (ragged, nested_ragged, ragged):
        outputs, gradients = first(mode, lambda values: values_of(f(make(values))), VALUES)  # noqa: B023
        assert_same_bits([outputs, gradients], [[3 * VALUES], [np.float32([20, 20])]])


@NO_RAGGED
def test_second_derivatives_through_ragged_tensors(mode):
    def backward(op, dy):
        return like(dy, 10.0 * dy.flat_values * op.inputs[0].flat_values)

    f = override_gradient(lambda r: like(r, r.flat_values * 3.0), backward)
    found = mode.first_and_second(lambda values: values_of(f(ragged(values))), VALUES)
    assert_same_bits(found, [[3 * VALUES], [20 * VALUES], [np.float32([40, 40])]])


def test_indexed_slices_are_a_gradient_of_sparse_values(mode):
    def backward(op, dy):
        return tf.IndexedSlices(10.0 * dy, tf.constant([1, 0]), tf.constant([2]))

    f = override_gradient(lambda s: tf.gather(s.values, [1, 0]), backward)
    _, gradients = first(mode, lambda values: f(sparse(values)), VALUES)
    assert_same_bits(gradients, [np.float32([20, 20])])


def test_a_sparse_tensor_in_a_structure_with_a_gradient_in_the_same_structure(mode):
    def backward(op, dy):
        ((matrix, x),) = op.args
        assert isinstance(matrix, tf.SparseTensor)
        return [(tf.SparseTensor(matrix.indices, 10.0 * matrix.values, matrix.dense_shape), dy)]

    f = override_gradient(lambda pair: sparse_to_dense(pair[0]) * pair[1], backward)
    outputs, gradients = first(mode, lambda values, x: f((sparse(values), x)), VALUES, ROWS)
    assert_same_bits(outputs, [DENSE * ROWS])
    assert_same_bits(gradients, [10 * VALUES, np.full_like(ROWS, 2)])


@pytest.mark.parametrize("make, kind, array", COMPOSITES)
def test_the_parts_of_a_composite_tensor_are_no_gradients_of_their_own(make, kind, array, graph):
    f = override_gradient(values_of, lambda op, dy: (dy, None, None), name="whole")
    values = tf.constant(array)
    with pytest.raises(
        ValueError, match="'whole': backward returned 3 gradients, but forward has 1 tensors: composite"
    ):
        modes.v1.gradients(f(make(values)), [values])


@pytest.mark.parametrize("make, kind, array", COMPOSITES)
def test_a_gradient_of_the_wrong_shape_names_the_argument(make, kind, array, graph):
    f = override_gradient(values_of, lambda op, dy: tf.zeros([7] * len(array.shape)))
    values = tf.constant(array)
    with pytest.raises(ValueError, match="backward returned a gradient of shape .*7.* for input 'composite'"):
        modes.v1.gradients(f(make(values)), [values])


@NO_RAGGED
@pytest.mark.skipif(not modes.HAS_FUNCTIONS, reason="ragged tensors as sources of a tape need tf.GradientTape")
def test_a_tape_may_be_asked_for_the_gradient_of_the_ragged_tensor_itself():
    f = override_gradient(lambda r: r * 3.0, lambda op, dy: dy * 10.0)
    with tf.GradientTape() as tape:
        r = ragged(tf.constant(VALUES))
        tape.watch(r.flat_values)
        y = f(r).flat_values
    try:
        gradient = tape.gradient(y, r)
    except (AttributeError, TypeError):
        pytest.skip("this TensorFlow's tapes know no composite sources (before 2.5)")
    assert isinstance(gradient, tf.RaggedTensor)
    assert gradient.flat_values.numpy().tolist() == [10.0, 10.0]


@NO_RAGGED
def test_forced_strategies_and_surrogates_take_ragged_tensors(mode):
    for strategy in ("gradient_override_map", "custom_gradient"):
        f = override_gradient(lambda r: r * 3.0, lambda op, dy: dy * 10.0, strategy=strategy)
        outputs, gradients = first(mode, lambda values: f(ragged(values)).flat_values, VALUES)  # noqa: B023
        assert_same_bits([outputs, gradients], [[3 * VALUES], [np.float32([20, 20])]])
    f = override_gradient(lambda r: r * 3.0, surrogate=lambda r: r * 10.0)
    outputs, gradients = first(mode, lambda values: f(ragged(values)).flat_values, VALUES)
    assert_same_bits([outputs, gradients], [[3 * VALUES], [np.float32([20, 20])]])


class MaskedTensor(getattr(getattr(tf, "experimental", None), "ExtensionType", object)):
    """A composite tensor of a user's own, with two parts that have gradients."""

    left: tf.Tensor
    right: tf.Tensor
    mask: tf.Tensor


@pytest.mark.skipif(
    MaskedTensor.__mro__[1] is object, reason="TensorFlow has tf.experimental.ExtensionType from 2.7 on"
)
def test_an_extension_type_with_several_values(mode):
    def backward(op, dy):
        (x,) = op.inputs
        return MaskedTensor(left=dy * 10.0 * x.right, right=dy * 100.0, mask=x.mask)

    f = override_gradient(lambda x: x.left * x.right, backward)
    outputs, gradients = first(mode, lambda a, b: f(MaskedTensor(left=a, right=b, mask=[True, False])), VALUES, VALUES)
    assert_same_bits(outputs, [VALUES * VALUES])
    assert_same_bits(gradients, [20 * VALUES, np.float32([200, 200])])


@pytest.mark.skipif(
    MaskedTensor.__mro__[1] is object, reason="TensorFlow has tf.experimental.ExtensionType from 2.7 on"
)
def test_of_several_values_one_gradient_is_too_few(mode):
    f = override_gradient(lambda x: x.left * x.right, lambda op, dy: dy, name="both")
    with pytest.raises(ValueError, match="'both': backward returned .* for input 'x': 1 gradients for 2 tensors"):
        first(mode, lambda a: f(MaskedTensor(left=a, right=a, mask=[True, False])), VALUES)


@NO_RAGGED
def test_a_native_gradient_of_another_number_of_values_is_refused(mode):
    def program(differentiate, x):
        f = override_gradient(lambda x: ragged(x * 2.0), backward)
        return differentiate(lambda x: f(x).flat_values, [x])[1]

    def backward(op, dy):
        return op.native_gradient(ragged(tf.cast(dy.flat_values, tf.int32)))

    with pytest.raises(ValueError, match="op.native_gradient: 0 gradients for 1 tensors that have gradients"):
        mode.run(program, VALUES)


@pytest.mark.skipif(
    MaskedTensor.__mro__[1] is object, reason="TensorFlow has tf.experimental.ExtensionType from 2.7 on"
)
def test_an_extension_type_with_several_values_may_have_no_gradient(mode):
    f = override_gradient(lambda x, y: x.left * x.right * y, lambda op, dy: (None, 10.0 * dy))
    _, gradients = first(mode, lambda a, b: f(MaskedTensor(left=a, right=a, mask=[True, False]), b), VALUES, VALUES)
    assert gradients[0] is None
    assert_same_bits(gradients[1], np.float32([20, 20]))
