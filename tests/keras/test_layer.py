"""`OverrideGradient`: the layer for Sequential models, with what Keras does to layers."""

import functools
import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from tests import modes
from tests.keras.models import KERASES, X, double, five, gradients, sgd, ten_times_x, tenfold
from tests.modes import assert_same_bits

registrations = itertools.count()
IS_KERAS_3 = hasattr(tf, "keras") and hasattr(tf.keras, "Operation")


@pytest.fixture
def OverrideGradient(keras):
    """The layer of this Keras."""
    from compat_grad.keras import layer_class

    return layer_class(keras)


def _sequential(keras, *layers):
    return keras.Sequential([keras.layers.InputLayer([3])] + list(layers))


# --- values and gradients -------------------------------------------------------------------------------------


def test_in_a_sequential_model(keras, OverrideGradient):
    model = _sequential(keras, OverrideGradient(double, ten_times_x), OverrideGradient(double, ten_times_x))
    assert_same_bits(gradients(keras, model, X), [4 * X, 200 * X * X])
    assert [layer.name for layer in model.layers][-2:] == ["double", "double_1"]


def test_with_a_surrogate_and_further_arguments(keras, OverrideGradient):
    layer = OverrideGradient(tf.sign, surrogate=lambda x: 3.0 * x, name="straight")
    scaled = OverrideGradient(five, surrogate=lambda x, scale: 100.0 * scale * x, arguments={"scale": 0.5})
    assert layer.name == "straight"
    found = gradients(keras, _sequential(keras, layer, scaled), X)
    assert_same_bits(found, [np.sign(X) * 2.5, np.full_like(X, 3 * 50)])
    product = OverrideGradient(lambda x: x, surrogate=lambda x: x * x, combine="multiply")
    assert_same_bits(gradients(keras, _sequential(keras, product), X), [X, np.full_like(X, 2)])


def test_of_an_override(keras, OverrideGradient):
    assert_same_bits(gradients(keras, _sequential(keras, OverrideGradient(tenfold)), X), [2 * X, 10 * X])
    with pytest.raises(TypeError, match="'tenfold'.*override already"):
        OverrideGradient(tenfold, combine="multiply")


def test_a_structure_of_inputs_reaches_forward_as_it_is(keras, OverrideGradient):
    def product(pair):
        assert len(pair) == 2
        return pair[0] * pair[1]

    a, b = keras.Input([3]), keras.Input([3])
    model = keras.Model([a, b], OverrideGradient(product, lambda op, dy: (dy * 3.0, dy * 4.0))([a, b]))
    assert_same_bits(gradients(keras, model, X, X), [X * X, np.full_like(X, 3), np.full_like(X, 4)])


def test_on_tensors_without_a_model(keras, OverrideGradient, functions):
    layer = OverrideGradient(double, ten_times_x)
    x = tf.constant(X)
    for call in (layer, tf.function(layer)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = call(x)
        assert_same_bits([y.numpy(), tape.gradient(y, x).numpy()], [2 * X, 10 * X])


def test_the_training_flag_reaches_forward(keras, OverrideGradient):
    def doubled_in_training(x, training=None):
        assert training is None or isinstance(training, bool)  # plain values, in Keras of graphs a tensor
        return 2.0 * x if training else x

    layer = OverrideGradient(doubled_in_training, lambda op, dy, *rest: 7.0 * dy)
    if not modes.v1.executing_eagerly():
        pytest.skip("in graph mode the training flag is a tensor")
    np.testing.assert_array_equal(np.array(layer(tf.constant(X), training=True)), 2 * X)
    np.testing.assert_array_equal(np.array(layer(tf.constant(X), training=False)), X)


def test_a_wrapped_layer_knows_whether_it_trains(keras, OverrideGradient, eager):
    if not modes.IS_TF2:
        pytest.skip("dropout of this Keras has to be told")
    dropped = override_gradient(keras.layers.Dropout(0.5), lambda op, dy: 7.0 * dy)
    layer = OverrideGradient(dropped)
    ones = np.ones([100, 10], np.float32)
    assert set(np.unique(np.array(layer(tf.constant(ones), training=True)))) == {0.0, 2.0}
    np.testing.assert_array_equal(np.array(layer(tf.constant(ones), training=False)), ones)


def test_other_captured_weights_are_refused(keras, OverrideGradient):
    make = tf.contrib.eager.Variable if modes.BEHAVIOUR == "eager" else tf.Variable
    foreign = make([1.0, 2.0, 3.0], name="foreign")
    layer = OverrideGradient(lambda x: x * foreign, surrogate=lambda x: x * foreign, name="scaled")
    with pytest.raises(ValueError, match="'scaled'.*'foreign:0'.*would not know of.*layer of your own"):
        layer(keras.Input([3]))


def test_an_error_of_forward_comes_out_as_it_is(keras, OverrideGradient):
    def refuses(x):
        raise ValueError("not this one")

    with pytest.raises(ValueError, match="not this one"):
        OverrideGradient(refuses, ten_times_x)(keras.Input([3]))


def test_a_forward_that_tells_no_signature(keras, OverrideGradient):
    """Whether it takes `training` cannot be known then, and it gets none."""
    a = keras.Input([3])
    model = keras.Model(a, OverrideGradient(max, ten_times_x)([a]))  # the largest of one
    assert_same_bits(gradients(keras, model, X), [X, 10 * X])


# --- what Keras does to layers --------------------------------------------------------------------------------


def test_compute_output_shape(keras, OverrideGradient):
    layer = OverrideGradient(lambda x: tf.reduce_sum(x, 1), lambda op, dy: dy)
    assert tuple(tf.TensorShape(layer.compute_output_shape((None, 3, 4))).as_list()) == (None, 4)
    pair = OverrideGradient(lambda pair: pair[0] + pair[1], lambda op, dy: (dy, dy))
    assert tuple(tf.TensorShape(pair.compute_output_shape([(None, 3), (None, 1)])).as_list()) == (None, 3)
    named = OverrideGradient(lambda named: named["b"], lambda op, dy: (None, dy))
    shape = named.compute_output_shape({"a": (None, 3), "b": (None, 5)})
    assert tuple(tf.TensorShape(shape).as_list()) == (None, 5)


def test_masks_pass_through(keras, OverrideGradient):
    x = keras.Input([4], dtype="int32")
    y = OverrideGradient(double, ten_times_x)(keras.layers.Embedding(5, 3, mask_zero=True)(x))
    assert getattr(y, "_keras_mask", None) is not None


def test_a_mask_reaches_a_forward_that_takes_one(keras, OverrideGradient):
    def masked(x, mask=None):
        assert mask is not None
        return x * tf.expand_dims(tf.cast(mask, x.dtype), -1)

    layer = OverrideGradient(masked, lambda op, dy, *rest: dy)
    x = keras.Input([4], dtype="int32")
    model = keras.Model(x, layer(keras.layers.Embedding(5, 3, mask_zero=True, embeddings_initializer="ones")(x)))
    np.testing.assert_array_equal(model.predict(np.array([[0, 1, 2, 0]]))[0, :, 0], [0, 1, 1, 0])


def test_fit_and_clone(keras, OverrideGradient):
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.Sequential([keras.layers.InputLayer([1]), dense, OverrideGradient(lambda x: 2.0 * x, ten_times_x)])
    clone = keras.models.clone_model(model)
    one = np.ones([1, 1], np.float32)
    for trained in (model, clone):
        trained.compile(sgd(keras, 0.5), lambda target, output: output)
        trained.fit(one, one, verbose=0)
        np.testing.assert_array_equal(trained.get_weights()[0], [[1 - 0.5 * 10]])


def test_a_wrapped_layer_s_weights_are_trained(keras, OverrideGradient):
    dense = keras.layers.Dense(3, use_bias=False, kernel_initializer="ones")
    layer = OverrideGradient(dense, lambda op, dy, variables: (dy, [tf.ones_like(v) * 7.0 for v in variables]))
    model = _sequential(keras, layer)
    model.compile(sgd(keras, 0.5), lambda target, output: output)
    model.fit(X, X, verbose=0)
    assert len(model.trainable_weights) == 1
    np.testing.assert_array_equal(model.get_weights()[0], np.full([3, 3], 1 - 0.5 * 7, np.float32))


def test_the_weights_of_a_layer_in_a_partial_are_trained(keras, OverrideGradient):
    dense = keras.layers.Dense(3, use_bias=False, kernel_initializer="ones")
    layer = OverrideGradient(
        functools.partial(dense), lambda op, dy, variables: (dy, [tf.ones_like(v) * 7.0 for v in variables])
    )
    model = _sequential(keras, layer)
    model.compile(sgd(keras, 0.5), lambda target, output: output)
    model.fit(X, X, verbose=0)
    assert len(model.trainable_weights) == 1
    np.testing.assert_array_equal(model.get_weights()[0], np.full([3, 3], 1 - 0.5 * 7, np.float32))


def test_get_config_and_from_config(keras, OverrideGradient):
    layer = OverrideGradient(five, ten_times_x, arguments={"scale": 2.0}, name="named", trainable=False)
    again = OverrideGradient.from_config(layer.get_config())
    assert again.name == "named" and not again.trainable
    assert_same_bits(gradients(keras, _sequential(keras, again), X), [10 * X, 10 * X])


def test_mixed_precision(keras, OverrideGradient, functions):
    policy = getattr(getattr(keras, "mixed_precision", None), "Policy", None)
    if policy is None:
        pytest.skip("mixed precision is experimental before 2.4")
    seen = []

    def forward(x):
        seen.append(x.dtype)
        return 2.0 * x

    layer = OverrideGradient(forward, ten_times_x, dtype=policy("mixed_float16"))
    assert tf.as_dtype(layer(keras.Input([3])).dtype) == tf.float16
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    assert y.dtype == tf.float16 and set(seen) == {tf.float16}
    assert_same_bits([y.numpy(), tape.gradient(y, x).numpy()], [2 * X.astype(np.float16), 10 * X])
    again = OverrideGradient.from_config(layer.get_config())
    assert again(tf.constant(X)).dtype == tf.float16


def test_mixed_precision_in_fit(keras, functions):
    set_policy = getattr(getattr(keras, "mixed_precision", None), "set_global_policy", None)
    if set_policy is None:
        pytest.skip("mixed precision is experimental before 2.4")
    set_policy("mixed_float16")
    try:
        x = keras.Input([1])
        h = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")(x)
        model = keras.Model(x, keras.layers.Activation("linear", dtype="float32")(tenfold(h)))
    finally:
        set_policy("float32")
    assert tf.as_dtype(model.layers[-2].output.dtype) == tf.float16
    optimizer = keras.mixed_precision.LossScaleOptimizer(keras.optimizers.SGD(0.5), initial_scale=2.0)
    model.compile(optimizer, lambda target, output: output)
    one = np.ones([1, 1], np.float32)
    model.fit(one, one, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], [[1 - 0.5 * 10]])


def test_jit_compile(keras, OverrideGradient, functions):
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.Sequential([keras.layers.InputLayer([1]), dense, OverrideGradient(double, ten_times_x)])
    try:
        model.compile(sgd(keras, 0.5), lambda target, output: output, jit_compile=True)
    except (TypeError, ValueError):
        pytest.skip("this Keras compiles no models with XLA")
    one = np.ones([1, 1], np.float32)
    try:
        model.fit(one, one, verbose=0)
    except ValueError as error:
        if "Session keyword arguments" not in str(error):
            raise
        pytest.skip("this Keras compiles no models with XLA")
    np.testing.assert_allclose(model.get_weights()[0], [[1 - 0.5 * 10]], rtol=1e-6)


# --- in processes of their own --------------------------------------------------------------------------------

REPLICAS = """
import numpy as np, tensorflow as tf
from compat_grad import override_gradient
from compat_grad.keras import OverrideGradient
from tests.keras.models import double, ten_times_x, tenfold

cpu = tf.config.experimental.list_physical_devices("CPU")[0]
make = getattr(tf.config.experimental, "VirtualDeviceConfiguration")
tf.config.experimental.set_virtual_device_configuration(cpu, [make(), make()])
strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
assert strategy.num_replicas_in_sync == 2
with strategy.scope():
    x = tf.keras.Input([1])
    dense = tf.keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = tf.keras.Model(x, OverrideGradient(double, ten_times_x)(tenfold(dense(x))))
    model.compile(tf.keras.optimizers.SGD(0.001), "mae")
model.fit(np.ones([4, 1], np.float32), np.zeros([4, 1], np.float32), batch_size=4, verbose=0)
print(model.get_weights()[0])
# 2w at w = 1 is 2, twice that 4; overridden slopes 10 * 2 and 10 * 1
np.testing.assert_allclose(model.get_weights()[0], [[1 - 0.001 * 200]], rtol=1e-5)

# Each replica has a variable of its own, which the function that forward calls has to read.
with strategy.scope():
    w = tf.Variable(1.0, synchronization=tf.VariableSynchronization.ON_READ, aggregation=tf.VariableAggregation.SUM)
nested = tf.function(lambda x: tf.nn.relu(x * w), autograph=False)
f = override_gradient(lambda x: nested(x) * 3.0, {"Relu": lambda op, dy: 10.0 * dy})

def step():
    number = 1.0 + tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.float32)
    w.assign(number)
    x = tf.constant(5.0) * number
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    return y, tape.gradient(y, x)

run = getattr(strategy, "run", None) or strategy.experimental_run_v2
for each in (step, tf.function(step), step):
    try:
        found = [[replica.numpy() for replica in strategy.experimental_local_results(one)] for one in run(each)]
    except ValueError as error:
        assert "is shared with other callers" in str(error) and not hasattr(tf.saved_model, "experimental")
    else:
        assert found == [[15.0, 60.0], [30.0, 60.0]], found
"""

WITHOUT_KERAS = """
import sys

sys.modules["keras"] = sys.modules["tf_keras"] = None  # else TensorFlow imports it itself; now whoever asks fails
import tensorflow as tf
import compat_grad
with tf.GradientTape() as tape:
    x = tf.constant(3.0)
    tape.watch(x)
    y = compat_grad.override_gradient(tf.identity, lambda op, dy: 7.0 * dy)(x)
assert tape.gradient(y, x).numpy() == 7.0
"""


def _run(code, **environment):
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    path = os.pathsep.join([here] + [path for path in sys.path if path])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=dict(os.environ, PYTHONPATH=path, **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.skipif(not (KERASES and modes.HAS_FUNCTIONS and modes.IS_TF2), reason="distributed fit is of TensorFlow 2")
def test_two_replicas():
    _run(REPLICAS)


def _scaled_relu(layer):
    return override_gradient(lambda x: tf.nn.relu(x * layer.scale), {"Relu": lambda op, dy: 10.0 * dy})


def _scaled_sign(layer):
    return override_gradient(lambda x: tf.sign(x) * layer.scale, surrogate=lambda x: 10.0 * x * layer.scale)


@pytest.mark.parametrize("make", [_scaled_relu, _scaled_sign])
@pytest.mark.parametrize("stateless_first", [False, True], ids=["plain first", "stateless first"])
@pytest.mark.parametrize("traced", [False, True], ids=["eager", "traced"])
def test_a_stateless_call_has_the_values_that_it_is_given_and_leaves_nothing_behind(
    keras, eager, make, stateless_first, traced
):
    if not hasattr(keras, "StatelessScope"):
        pytest.skip("this Keras has no stateless_call (it came with Keras 3)")

    class Scaled(keras.layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
            self.f = make(self)

        def call(self, x):
            return self.f(x)

    layer, x, given = Scaled(), tf.constant(np.abs(X) + 1), tf.constant(4.0)
    layer.build(X.shape)
    stateless = lambda x, scale: layer.stateless_call([scale], [], x)[0]  # noqa: E731
    stateless = tf.function(stateless) if traced else stateless

    def check(call, sources, scale):
        with tf.GradientTape() as tape:
            tape.watch([source for source in sources if source is not layer.scale.value])
            y = call()
        found = modes.to_arrays([y] + tape.gradient(y, sources))
        value = np.asarray(x) if make is _scaled_relu else np.ones_like(X)
        # of the sign's own factor the surrogate says the same as of its argument
        np.testing.assert_array_equal(found[0], scale * value)
        np.testing.assert_array_equal(found[1], np.full_like(X, 10 * scale))
        np.testing.assert_allclose(found[2], 10 * np.asarray(x).sum(), rtol=1e-6)

    calls = [lambda: check(lambda: layer(x), [x, layer.scale.value], 1.0)]
    calls.insert(int(not stateless_first), lambda: check(lambda: stateless(x, given), [x, given], 4.0))
    for call in calls * 2:
        call()


@pytest.mark.skipif(not IS_KERAS_3, reason="this TensorFlow does not go without its Keras")
def test_the_library_does_not_import_keras():
    _run(WITHOUT_KERAS)


def test_a_keras_that_computes_without_tensorflow_is_refused():
    from compat_grad.keras.layer import layer_class

    class JaxKeras:
        class layers:
            class Layer:
                pass

        class backend:
            @staticmethod
            def backend():
                return "jax"

    with pytest.raises(ValueError, match="computes with jax.*KERAS_BACKEND=tensorflow"):
        layer_class(JaxKeras)


@pytest.mark.parametrize("module, stays", [("theirs", True), ("compat_grad.keras", False)])
def test_a_class_that_the_user_has_keras_find_by_the_name_of_ours_stays(keras, module, stays):
    from compat_grad.keras import seam

    name = "NamedAlike{}".format(next(registrations))
    known = keras.utils.get_custom_objects()
    known[name] = before = type(name, (keras.layers.Layer,), {"__module__": module})
    ours = type(name, (keras.layers.Layer,), {"__module__": "compat_grad.keras"})
    assert seam.register(keras, ours, name) is ours
    assert known.pop(name) is (before if stays else ours)
    known.pop("compat_grad>" + name, None)


def test_the_package_behind_tf_keras_is_taken_for_tf_keras():
    """Up to 2.15 the package `keras` does not show all that `tf.keras` does, and a lifted call finds the package."""
    package = pytest.importorskip("keras")
    from compat_grad.keras import OverrideGradient, layer_class

    if package.layers.Layer is not tf.keras.layers.Layer:
        pytest.skip("this tf.keras is not the package keras")
    assert layer_class(package) is OverrideGradient
    assert OverrideGradient._keras is tf.keras
