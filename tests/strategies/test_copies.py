"""tf.vectorized_map, tape outside, over copies of an override's op: they carry its attributes, nothing else of it."""

import gc

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from tests import modes
from tests.modes import assert_same_bits, v1
from tests.strategies.test_leaks import _gradient_names

X = np.array([[0.5, -1.25, 3.0], [2.0, 0.25, -1.0]], np.float32)


def _whole_function():
    """The value relu(x) with the gradient 10x."""
    return override_gradient(lambda x: tf.nn.relu(x), lambda op, dy: dy * 10.0 * op.inputs[0])


def _single_ops():
    """The same, op by op."""
    return override_gradient(lambda x: tf.nn.relu(x), {"Relu": lambda op, dy: dy * 10.0 * op.inputs[0]})


def _imported(override):
    """Return override's GraphDef, imported anew wherever it is called."""
    with tf.Graph().as_default() as graph:
        tf.identity(override(v1.placeholder(tf.float32, [3], name="x")), name="y")
    graph_def = graph.as_graph_def()

    def copy(x):
        return tf.import_graph_def(graph_def, input_map={"x": x}, return_elements=["y:0"])[0]

    return copy, graph


def _pruned(override):
    """Return override as TensorFlow cuts it out of a function of TensorFlow 1."""
    whole = v1.wrap_function(lambda x: tf.identity(override(x), name="y"), [tf.TensorSpec([3], tf.float32)])
    return whole.prune(whole.inputs[0], whole.outputs[0]), whole


def _loaded(override, folder):
    """Return override out of a SavedModel."""
    module = tf.Module()
    module.f = tf.function(override, input_signature=[tf.TensorSpec([3], tf.float32)])
    options = {}
    if hasattr(tf.saved_model, "SaveOptions"):
        try:
            options = dict(options=tf.saved_model.SaveOptions(experimental_custom_gradients=False))
        except TypeError:  # before custom gradients could be saved
            pass
    tf.saved_model.save(module, str(folder), **options)
    return tf.saved_model.load(str(folder)).f, module


@pytest.fixture(params=[_whole_function, _single_ops], ids=["whole function", "single ops"])
def make(request, functions):
    if not hasattr(tf, "vectorized_map"):
        pytest.skip("this TensorFlow has no vectorized_map")
    return request.param


@pytest.fixture(params=["imported", "pruned", "loaded"])
def copied(request, tmp_path):
    """Each way to a copy: a function from an override to (the copy, what keeps the original alive)."""
    if request.param == "loaded":
        if not modes.IS_TF2:
            pytest.skip("TensorFlow 1 loads no functions that vectorized_map could convert")
        return lambda override: _loaded(override, tmp_path)
    if request.param == "pruned" and not hasattr(v1, "wrap_function"):
        pytest.skip("this TensorFlow has no wrap_function")
    return {"imported": _imported, "pruned": _pruned}[request.param]


def _values_and_gradients(f, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.vectorized_map(f, x)
    return y, tape.gradient(y, x)


def _needs_vectorized_calls(copied_as):
    if copied_as is not _imported and not modes.functions_can_be_vectorized():
        pytest.skip("this TensorFlow's vectorized_map cannot convert the call of a function (1.15 to 2.1)")


def test_a_copy_of_the_op_has_its_gradient(make, copied):
    _needs_vectorized_calls(copied)
    override = make()
    copy, original = copied(override)
    x = tf.constant(X)
    for f in (copy, tf.function(copy)) if modes.functions_can_be_vectorized() else (copy,):
        assert_same_bits(modes.to_arrays(_values_and_gradients(f, x)), [np.maximum(X, 0), 10 * X])
    inside = tf.function(lambda x: _values_and_gradients(copy, x))
    assert_same_bits(modes.to_arrays(inside(x)), [np.maximum(X, 0), 10 * X])
    del original


def test_a_copy_whose_override_is_gone_has_its_value_and_refuses_the_gradient(make, copied):
    _needs_vectorized_calls(copied)
    copy = copied(make())[0]
    gc.collect()
    x = tf.constant(X)
    assert_same_bits(tf.vectorized_map(copy, x).numpy(), np.maximum(X, 0))
    # A pruned function may keep the original alive, and so does 2.0 what a function in a function was traced for.
    if copied is _pruned or not hasattr(tf, "autodiff"):
        return _is_right_or_refused(copy, x)
    with pytest.raises(LookupError, match="built in another process or is gone"):
        _values_and_gradients(copy, x)


def _is_right_or_refused(copy, x):
    try:
        gradient = _values_and_gradients(copy, x)[1]
    except LookupError as error:
        assert "built in another process or is gone" in str(error)
    else:
        assert_same_bits(gradient.numpy(), 10 * X)


def test_what_is_not_ours_is_converted_as_ever(make):
    make()
    x = tf.constant(X)
    native = _values_and_gradients(lambda x: tf.identity_n([tf.nn.relu(x)])[0], x)
    assert_same_bits(modes.to_arrays(native), [np.maximum(X, 0), (X > 0).astype(np.float32)])


def _pruned_from_what_is_gone(level):
    def squared(op, dy):
        return 10.0 * dy * op.inputs[0] * op.inputs[0]

    return _pruned(override_gradient(tf.nn.relu, squared if level == "whole" else {"Relu": squared}))[0]


@pytest.mark.parametrize("level", ["whole", "ops"])
def test_what_is_pruned_from_a_function_outlives_it_with_its_gradient(functions, level):
    """First and second derivative, called again; and with the last copy everything goes."""
    names, copies = _gradient_names(), [_pruned_from_what_is_gone(level)]
    gc.collect()
    x = tf.constant(X[0])
    for _ in range(2):
        _, first = modes.by_tape(copies[0], [x])
        assert_same_bits(first[0].numpy(), 10 * X[0] * X[0])
        if modes.functions_have_second_derivatives():
            _, second = modes.by_tape(lambda x: modes.by_tape(copies[0], [x])[1][0], [x])
            assert_same_bits(second[0].numpy(), 20 * X[0])
    copies.clear()
    gc.collect()
    gc.collect()
    if modes.functions_with_a_tape_outside_are_collected():
        assert _gradient_names() - names <= {"compat_grad"}
