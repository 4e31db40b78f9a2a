"""An override may stand wherever Keras takes a function, and comes back from a file and in a clone as what it is."""

import itertools
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import Override, override_gradient
from tests.keras import models as keras_models
from tests.keras.models import X, around_tenfold, double, gradients, ten_times_x, tenfold, trust
from tests.modes import assert_same_bits

registrations = itertools.count()
SUMS = X.sum(1, keepdims=True) + np.zeros_like(X)  # what Dense(3) of ones makes of X


def dense(keras, activation, **options):
    x = keras.Input([3])
    options = dict(dict(kernel_initializer="ones", use_bias=False), **options)
    return keras.Model(x, keras.layers.Dense(3, activation=activation, **options)(x))


def _activations_have_configs():
    """Whether Keras asks an activation for its config, and does not write its name alone (to 1.14)."""
    return hasattr(tf, "keras") and not isinstance(tf.keras.activations.serialize(tenfold), str)


NEEDS_CONFIGS_OF_ACTIVATIONS = pytest.mark.skipif(
    keras_models.KERASES and not _activations_have_configs(),
    reason="this Keras writes of an activation its name alone (to 1.14)",
)


ACTIVATIONS = {
    "of a module": (tenfold, 2 * SUMS, 3 * 10 * SUMS),
    "called like one of Keras": (  # whose gradient is 0 for half of X
        override_gradient(tf.nn.relu, "Identity"),
        np.maximum(SUMS, 0),
        np.full_like(X, 3),
    ),
    "called like another of Keras": (  # whose gradients add up to 0
        override_gradient(tf.nn.softmax, surrogate=tf.identity),
        np.full_like(X, 1 / 3),
        np.full_like(X, 3),
    ),
    "by op type": (
        override_gradient(tf.nn.relu, {"Relu": "Identity"}),
        np.maximum(SUMS, 0),
        np.full_like(X, 3),
    ),
    "of module-level functions": (override_gradient(double, ten_times_x), 2 * SUMS, 3 * 10 * SUMS),
}


@NEEDS_CONFIGS_OF_ACTIVATIONS
@pytest.mark.parametrize("case", ACTIVATIONS)
def test_an_activation_comes_back_from_a_file(keras, saved, case):
    activation, *expected = ACTIVATIONS[case]
    model = dense(keras, activation)
    assert_same_bits(gradients(keras, model, X), expected)
    functions = {"double": double, "ten_times_x": ten_times_x} if "functions" in case else {}
    path = saved(model)
    for _ in range(2):  # what was loaded can be saved
        loaded = keras.models.load_model(path, custom_objects=functions)
        assert type(loaded.layers[-1].activation) is Override
        assert_same_bits(gradients(keras, loaded, X), expected)
        path = saved(loaded)


@pytest.mark.skipif(
    not hasattr(getattr(tf, "keras", None), "Sequential") or _activations_have_configs(),
    reason="this Keras asks activations for their configs, or has no models (to 1.4)",
)
def test_where_keras_writes_names_one_of_its_own_is_refused():
    """Keras' own function would come back, with the native gradient."""
    keras, (relu, *_) = tf.keras, ACTIVATIONS["called like one of Keras"]
    taken, free = [
        keras.Sequential([keras.layers.Dense(3, activation=activation, input_shape=(3,))])
        for activation in (relu, override_gradient(tf.nn.relu, "Identity", name="relu_of_ours"))
    ]
    with pytest.raises(TypeError, match="'relu': this Keras .* would read its own 'relu'.*name="):
        taken.to_json()
    with keras.utils.CustomObjectScope({"relu_of_ours": relu}):
        assert keras.models.model_from_json(free.to_json()).layers[-1].activation is relu
    assert relu.__name__ == relu.name == "relu"


UNNAMED = {"a lambda": (override_gradient(lambda x: 2.0 * x, lambda op, dy: 5.0 * dy), 2 * SUMS, np.full_like(X, 15))}


@NEEDS_CONFIGS_OF_ACTIVATIONS
@pytest.mark.parametrize("case", list(ACTIVATIONS) + list(UNNAMED))
def test_an_activation_is_cloned(keras, case):
    activation, *expected = dict(ACTIVATIONS, **UNNAMED)[case]
    model = dense(keras, activation)
    clone = keras.models.clone_model(keras.models.clone_model(model))
    assert clone.layers[-1].activation is activation
    assert_same_bits(gradients(keras, clone, X), expected)


def _assert_comes_back_traced(keras, saved, model):
    """A SavedModel holds a layer's traced functions, and needs no name for what is in them."""
    loaded = keras.models.load_model(saved(model))
    assert_same_bits(np.asarray(loaded.predict(X)), np.asarray(model.predict(X)))


@NEEDS_CONFIGS_OF_ACTIVATIONS
def test_an_activation_without_a_name_is_refused_when_it_is_saved(keras, saved):
    if not saved.suffix:
        _assert_comes_back_traced(keras, saved, dense(keras, UNNAMED["a lambda"][0]))
        return
    with pytest.raises(TypeError) as caught:
        saved(dense(keras, UNNAMED["a lambda"][0]))
    for words in ("'<lambda>'", "cannot be saved", "forward is <function", "top level of a module", "save_weights"):
        assert words in str(caught.value), str(caught.value)


@NEEDS_CONFIGS_OF_ACTIVATIONS
def test_the_config_of_what_is_gone_says_so(keras):
    config = dense(keras, override_gradient(lambda x: x, lambda op, dy: dy)).layers[-1].get_config()
    gone = config["activation"]["config"]["override"]
    assert Override.from_config({"override": gone}).name == "<lambda>"
    with pytest.raises(ValueError, match="that override is gone"):
        Override.from_config({"override": dict(gone, here="another")})


@NEEDS_CONFIGS_OF_ACTIVATIONS
def test_the_config_of_what_is_gone_is_read_by_the_names_in_it(keras):
    """As in another process, which knows no token of this one."""
    config = override_gradient(double, ten_times_x, name="by names").get_config()["override"]
    again = Override.from_config({"override": dict(config, here="another")})
    assert again.forward is double and again.name == "by names"
    assert_same_bits(gradients(keras, dense(keras, again), X), [2 * SUMS, 3 * 10 * SUMS])


def init(shape, dtype=None, **options):
    return tf.ones(shape, dtype or tf.float32) * 2.0


initializer = override_gradient(init, "Identity")


@override_gradient(backward=ten_times_x)
def function_of_weights(weights):
    return weights * 1.0


@override_gradient(backward=lambda op, dy: 100.0 * dy * op.inputs[0])
def penalty(weights):
    return tf.reduce_sum(weights * 0.5)


def test_initializers_regularizers_and_constraints_come_back(keras, saved):
    given = dict(
        kernel_initializer=initializer,
        kernel_constraint=function_of_weights,
        kernel_regularizer=penalty,
        activity_regularizer=penalty,
    )
    activation = tenfold if _activations_have_configs() else None
    model = dense(keras, activation or "linear", **given)
    np.testing.assert_array_equal(model.get_weights()[0], np.full([3, 3], 2, np.float32))
    functions = {"init": init}
    for copy in (
        keras.models.clone_model(model),
        keras.models.load_model(saved(model), custom_objects=functions),
    ):
        layer = copy.layers[-1]
        assert layer.kernel_constraint is function_of_weights
        assert activation is None or layer.activation is activation
        assert layer.kernel_regularizer is penalty and layer.activity_regularizer is penalty
        assert layer.kernel_initializer.forward is init and layer.kernel_initializer.backward == "Identity"


def test_the_gradient_of_a_regularizer_is_the_overridden_one(keras, eager):
    layer = keras.layers.Dense(1, kernel_regularizer=penalty, kernel_initializer="ones")
    layer = type(layer).from_config(layer.get_config())
    layer.build([None, 3])
    with tf.GradientTape() as tape:
        (loss,) = layer.losses
    assert_same_bits(tape.gradient(loss, layer.trainable_weights[0]).numpy(), np.full([3, 1], 100, np.float32))


def test_a_quantizer_of_a_layer_of_one_s_own(keras, saved):
    if not hasattr(keras.utils, "serialize_keras_object"):
        pytest.skip("this Keras has no public serialize_keras_object (1.13)")

    class Quantized(keras.layers.Layer):
        def __init__(self, quantizer, **options):
            super().__init__(**options)
            if isinstance(quantizer, dict):
                quantizer = keras.utils.deserialize_keras_object(quantizer)
            self.quantizer = quantizer

        def call(self, inputs):
            return self.quantizer(inputs)

        def get_config(self):
            return dict(super().get_config(), quantizer=keras.utils.serialize_keras_object(self.quantizer))

    x = keras.Input([3])
    model = keras.Model(x, Quantized(tenfold)(x))
    with keras.utils.CustomObjectScope({"Quantized": Quantized}):
        for copy in (keras.models.clone_model(model), keras.models.load_model(saved(model))):
            assert copy.layers[-1].quantizer is tenfold
            assert_same_bits(gradients(keras, copy, X), [2 * X, 10 * X])


def test_a_registered_override_is_found_by_its_name(keras, saved):
    if not hasattr(keras.utils, "register_keras_serializable"):
        pytest.skip("this Keras registers no functions (2.1 brought it)")

    @keras.utils.register_keras_serializable("tests_of_functions{}".format(next(registrations)))
    @override_gradient(backward=lambda op, dy: 7.0 * dy)
    def sevenfold(x):
        return 2.0 * x

    loaded = keras.models.load_model(saved(dense(keras, sevenfold)))
    assert loaded.layers[-1].activation is sevenfold
    assert_same_bits(gradients(keras, loaded, X), [2 * SUMS, np.full_like(X, 21)])


def test_custom_objects_replace_what_was_saved(keras, saved):
    path = saved(dense(keras, tenfold))
    other = override_gradient(double, lambda op, dy: 7.0 * dy)
    loaded = keras.models.load_model(path, custom_objects={"tenfold": other})
    assert_same_bits(gradients(keras, loaded, X), [2 * SUMS, np.full_like(X, 21)])


def test_safe_mode_loads_no_function_that_the_file_chooses(keras, saved):
    if not (trust(keras) and saved.suffix == ".keras"):
        pytest.skip("this format has no safe mode")
    activation, *expected = ACTIVATIONS["of module-level functions"]
    path = saved(dense(keras, activation))
    if not zipfile.is_zipfile(path):
        pytest.skip("this Keras writes HDF5 whatever the suffix (2.12), which has no safe mode")
    with pytest.raises((TypeError, ValueError)) as caught:  # Keras 2 makes a TypeError of any error here
        keras.models.load_model(path)
    for words in ("tests.keras.models:double", "safe_mode=False", "register_keras_serializable", "@override_gradient"):
        assert words in str(caught.value), str(caught.value)
    assert_same_bits(gradients(keras, keras.models.load_model(path, safe_mode=False), X), expected)


def test_weights_that_keras_would_not_know_of_are_refused(keras):
    inner = override_gradient(keras.layers.Dense(3), lambda op, dy, variables: (dy, list(variables)))
    layer = keras.layers.Dense(3, activation=inner)
    with pytest.raises(TypeError, match="has the weights of a layer.*OverrideGradient"):
        layer.get_config()


@NEEDS_CONFIGS_OF_ACTIVATIONS
def test_what_wraps_an_override_is_not_taken_for_it(keras, saved):
    """functools.wraps copies the attributes of an override, whatever they are called."""
    model = dense(keras, override_gradient(around_tenfold, ten_times_x))
    assert_same_bits(gradients(keras, model, X), [2 * SUMS + 1, 3 * 10 * SUMS])
    if not saved.suffix:
        _assert_comes_back_traced(keras, saved, model)
        return
    with pytest.raises(TypeError, match="'tenfold': cannot be saved in a file: forward is <function"):
        saved(model)
    x = keras.Input([3])
    lifted = keras.Model(x, override_gradient(around_tenfold, ten_times_x)(x))
    with pytest.raises(TypeError, match="'tenfold': cannot be saved in a file: forward is <function"):
        saved(lifted)


LOAD = """
import sys
import tensorflow as tf
import compat_grad.keras
import tests.keras.models
keras = tf.keras if sys.argv[1] == "tf.keras" else __import__(sys.argv[1])
if keras is not tf.keras:
    compat_grad.keras.layer_class(keras)
activation = keras.models.load_model(sys.argv[2]).layers[-1].activation
assert activation is tests.keras.models.tenfold, activation
"""


@NEEDS_CONFIGS_OF_ACTIVATIONS
def test_another_process_loads_it(keras, saved):
    (name,) = [name for name, module in keras_models.KERASES.items() if module is keras]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path))
    done = subprocess.run(
        [sys.executable, "-c", LOAD, name, saved(dense(keras, tenfold))],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    assert done.returncode == 0, done.stdout
