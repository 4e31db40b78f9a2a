"""A saved model gives its overrides back, or saving says what cannot be saved; no file chooses what code runs."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from tests import modes
from tests.keras import models as keras_models
from tests.keras.models import X, double, five, gradients, ten_times_x, tenfold, trust, weigh
from tests.modes import assert_same_bits

registrations = itertools.count()


def _model(keras, *layers):
    x = y = keras.Input([3])
    for layer in layers:
        y = layer(y)
    return keras.Model(x, y)


@pytest.fixture
def OverrideGradient(keras):
    """The layer of this Keras."""
    from compat_grad.keras import layer_class

    return layer_class(keras)


def test_a_lifted_override_of_a_module_comes_back(keras, saved):
    x, a, b = keras.Input([3]), keras.Input([3]), keras.Input([3])
    y = weigh(tenfold(x), {"b": b, "a": [a]}, mode="sum", weight=2.0, shift=np.ones([3], np.float32))
    loaded = keras.models.load_model(saved(keras.Model([x, a, b], y)))
    assert type(loaded.layers[-1]).__name__ == "OverrideGradient"
    expected = [(2 * X + X * X) * 2 + 1, 7 * 10 * X, np.full_like(X, 14), np.full_like(X, 21)]
    assert_same_bits(gradients(keras, loaded, X, X, X), expected)


def test_a_layer_of_module_level_functions_comes_back(keras, saved, OverrideGradient):
    layer = OverrideGradient(double, ten_times_x, name="named")
    model = _model(keras, layer)
    loaded = keras.models.load_model(saved(model), **trust(keras))
    assert loaded.layers[-1].name == "named" and isinstance(loaded.layers[-1], OverrideGradient)
    assert_same_bits(gradients(keras, loaded, X), [2 * X, 10 * X])


def test_a_layer_of_tensorflow_s_functions_comes_back(keras, saved, OverrideGradient):
    layer = OverrideGradient(tf.sign, surrogate=tf.identity)
    twice = OverrideGradient(tf.nn.relu, "Identity")  # by the name of a registered gradient
    model = _model(keras, twice, layer)
    loaded = keras.models.load_model(saved(model))
    assert_same_bits(gradients(keras, loaded, X), [np.sign(np.maximum(X, 0)), np.ones_like(X)])


def test_a_wrapped_layer_comes_back_with_its_weights(keras, saved):
    dense = keras.layers.Dense(3, use_bias=False)
    x = keras.Input([3])
    model = keras.Model(x, override_gradient(dense, _five_times)(x))
    weights = np.arange(9, dtype=np.float32).reshape(3, 3)
    model.set_weights([weights])
    loaded = keras.models.load_model(saved(model), **trust(keras))
    np.testing.assert_array_equal(loaded.get_weights()[0], weights)
    assert_same_bits(gradients(keras, loaded, X)[1], np.full_like(X, 5))


def _five_times(op, dy, variables):
    return dy * 5.0, [tf.ones_like(variable) for variable in variables]


def test_a_loaded_model_can_be_saved_again(keras, saved, OverrideGradient):
    model = _model(keras, OverrideGradient(tenfold, arguments=None))
    loaded = keras.models.load_model(saved(model))
    assert_same_bits(gradients(keras, keras.models.load_model(saved(loaded)), X), [2 * X, 10 * X])


def _ten_times(op, dy):
    return 10.0 * dy


def test_a_table_of_op_types_comes_back_with_what_to_do_with_the_unused(keras, saved, OverrideGradient):
    layer = OverrideGradient(
        tf.nn.relu, {"Relu": _ten_times, "Elu": _ten_times, "Softplus": "Relu"}, on_unused="ignore"
    )
    loaded = keras.models.load_model(saved(_model(keras, layer)), **trust(keras))
    assert_same_bits(gradients(keras, loaded, X)[1], np.full_like(X, 10))


def test_what_has_no_name_is_refused_when_it_is_saved(keras, saved):
    x = keras.Input([3])
    if not saved.suffix:  # a SavedModel holds the layer's traced functions: see tests/saving for its gradient
        model = keras.Model(x, override_gradient(lambda x: 2.0 * x, ten_times_x, name="mine")(x))
        loaded = keras.models.load_model(saved(model))
        assert_same_bits(np.asarray(loaded.predict(X)), 2 * X)
        return

    def local(x):
        return 2.0 * x

    for forward in (local, lambda x: 2.0 * x):
        with pytest.raises(TypeError) as caught:
            saved(keras.Model(x, override_gradient(forward, ten_times_x, name="mine")(x)))
        for words in ("'mine'", "cannot be saved", "forward is <function", "top level of a module", "save_weights"):
            assert words in str(caught.value), str(caught.value)
    with pytest.raises(TypeError, match="'mine'.*backward is <function"):
        saved(keras.Model(x, override_gradient(double, lambda op, dy: dy, name="mine")(x)))


def test_a_function_of_a_module_that_cannot_be_imported_is_refused_when_it_is_saved(keras, saved, OverrideGradient):
    """Such as one that a program has executed as text."""
    executed = {"__name__": "compat_grad_executed_text"}
    exec("def forward(x): return 2.0 * x", executed)
    model = _model(keras, OverrideGradient(executed["forward"], ten_times_x, name="executed"))
    if saved.suffix:
        with pytest.raises(TypeError, match="'executed'.*forward is <function forward"):
            saved(model)
    assert_same_bits(gradients(keras, model, X), [2 * X, 10 * X])


def test_functions_can_be_handed_to_load_model(keras, saved, OverrideGradient, monkeypatch):
    model = _model(keras, OverrideGradient(five, ten_times_x))
    path = saved(model)
    monkeypatch.delattr(keras_models, "five")
    if saved.suffix:  # from a SavedModel Keras takes the traced layer then, whose gradient raises
        with pytest.raises(ValueError, match="five"):
            keras.models.load_model(path, **trust(keras))
    loaded = keras.models.load_model(path, custom_objects={"five": five, "ten_times_x": ten_times_x})
    assert_same_bits(gradients(keras, loaded, X), [5 * X, 10 * X])


def test_safe_mode_loads_no_function_that_the_file_chooses(keras, saved, OverrideGradient):
    if not (trust(keras) and saved.suffix == ".keras"):
        pytest.skip("this format has no safe mode")
    path = saved(_model(keras, OverrideGradient(double, ten_times_x)))
    with pytest.raises(ValueError) as caught:
        keras.models.load_model(path)
    for words in ("tests.keras.models:double", "safe_mode=False", "register_keras_serializable", "@override_gradient"):
        assert words in str(caught.value), str(caught.value)


def _scaled_to(x, dtype, activation, scales):
    return activation(tf.cast(x, dtype)) * tf.cast(scales["by"][0], dtype)


def _ten_times_first(op, dy):
    return [10.0 * dy * op.inputs[0]] + [None] * (len(op.inputs) - 1)


def test_arguments_come_back(keras, saved, OverrideGradient):
    """A dtype, a layer, a constant within a structure."""
    scales = {"by": (tf.constant([2.0, 3.0, 4.0]) if modes.HAS_EAGER else np.float32([2.0, 3.0, 4.0]),)}
    arguments = dict(dtype=tf.float32, activation=keras.layers.ReLU(), scales=scales)
    layer = OverrideGradient(_scaled_to, _ten_times_first, arguments=arguments, name="scaled")
    loaded = keras.models.load_model(saved(_model(keras, layer)), **trust(keras))
    expected = [np.maximum(X, 0) * np.float32([2.0, 3.0, 4.0]), 10 * X]
    assert_same_bits(gradients(keras, loaded, X), expected)


def test_an_override_as_a_surrogate_comes_back(keras, saved, OverrideGradient):
    layer = OverrideGradient(tf.sign, surrogate=override_gradient(double, ten_times_x), name="around")
    loaded = keras.models.load_model(saved(_model(keras, layer)), **trust(keras))
    assert_same_bits(gradients(keras, loaded, X), [np.sign(X), 10 * X])


def test_an_array_that_no_file_holds_is_refused_when_it_is_saved(keras, saved, OverrideGradient):
    arguments = dict(scale=np.complex64(1j))
    layer = OverrideGradient(_imaginary, ten_times_x, arguments=arguments, name="complex")
    model = _model(keras, layer)
    if saved.suffix:
        with pytest.raises(TypeError, match="'complex'.*an argument is"):
            saved(model)
    assert_same_bits(gradients(keras, model, X), [X, 10 * X])


def test_an_argument_that_no_file_holds_is_refused_when_it_is_saved(keras, saved, OverrideGradient):
    model = _model(keras, OverrideGradient(_imaginary, ten_times_x, arguments=dict(scale=_Scale()), name="scaled"))
    if saved.suffix:
        with pytest.raises(TypeError, match="'scaled'.*an argument is"):
            saved(model)
    assert_same_bits(gradients(keras, model, X), [X, 10 * X])


class _Scale:
    imag = 1.0


def _imaginary(x, scale):
    return x * scale.imag


def test_registered_functions_are_loaded_by_their_registered_name(keras, saved, OverrideGradient):
    if not hasattr(keras.utils, "register_keras_serializable"):
        pytest.skip("this Keras registers no functions (2.1 brought it)")

    package = "tests{}".format(next(registrations))

    @keras.utils.register_keras_serializable(package)
    def threefold(x):
        return 3.0 * x

    @keras.utils.register_keras_serializable(package)
    def nine(op, dy):
        return 9.0 * dy

    path = saved(_model(keras, OverrideGradient(threefold, nine)))
    assert_same_bits(gradients(keras, keras.models.load_model(path), X), [3 * X, np.full_like(X, 9)])
