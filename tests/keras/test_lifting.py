"""An override called on Keras symbolic tensors becomes a layer of the functional model, or is refused: never lost."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from tests import modes
from tests.keras.models import KERASES, X, gradients, sgd, tenfold, weigh
from tests.modes import assert_same_bits


def _dense(keras, **options):
    return keras.layers.Dense(3, use_bias=False, kernel_initializer="ones", **options)


# --- what a lifted override computes --------------------------------------------------------------------------


def test_a_functional_model_has_the_overridden_gradient(keras):
    x = keras.Input([3])
    assert_same_bits(gradients(keras, keras.Model(x, tenfold(x)), X), [2 * X, 10 * X])


def test_between_layers_and_twice_in_a_model(keras):
    x = keras.Input([3])
    model = keras.Model(x, tenfold(tenfold(_dense(keras)(x))))
    h = X.sum(1, keepdims=True) * np.ones(3, np.float32)
    # d/dh is 10 * 2h * 10 * h, and each x feeds three h
    assert_same_bits(gradients(keras, model, X), [4 * h, 3 * 200 * h * h])


def test_after_an_op_of_tensorflow(keras):
    x = keras.Input([3])
    model = keras.Model(x, tenfold(x + 1.0))
    assert_same_bits(gradients(keras, model, X), [2 * (X + 1), 10 * (X + 1)])


def test_a_surrogate_is_lifted_too(keras):
    x = keras.Input([3])
    y = override_gradient(tf.sign, surrogate=lambda x: 3.0 * x)(x)
    assert_same_bits(gradients(keras, keras.Model(x, y), X), [np.sign(X), np.full_like(X, 3)])


def test_symbolic_tensors_in_nested_structures_and_keywords_beside_plain_values(keras):
    x, a, b = keras.Input([3]), keras.Input([3]), keras.Input([3])
    y = weigh(x, mode="sum", pair={"b": b, "a": [a]}, weight=2.0, shift=np.float32(1))
    found = gradients(keras, keras.Model([x, a, b], y), X, X + 1, X + 2)
    sevens = [np.full_like(X, 7 * position) for position in (1, 2, 3)]
    assert_same_bits(found, [(X + (X + 1) * (X + 2)) * 2 + 1] + sevens)


def test_the_same_tensor_twice_in_a_call(keras):
    x = keras.Input([3])
    y = weigh(x, {"a": [x], "b": x}, "sum")
    assert_same_bits(gradients(keras, keras.Model(x, y), X), [X + X * X, np.full_like(X, 7 + 14 + 21)])


def test_each_of_several_outputs_has_its_gradient(keras):
    x = keras.Input([3])
    both = override_gradient(lambda x: [2.0 * x, 3.0 * x], lambda op, d2, d3: 10.0 * d2 + 100.0 * d3)
    two, three = both(x)
    assert_same_bits(gradients(keras, keras.Model(x, three), X), [3 * X, np.full_like(X, 100)])
    assert_same_bits(gradients(keras, keras.Model(x, two), X), [2 * X, np.full_like(X, 10)])


def test_a_structure_of_outputs_comes_back(keras):
    x = keras.Input([3])
    both = override_gradient(lambda x: [2.0 * x, (3.0 * x,)], lambda op, d2, d3: 10.0 * d2 + 100.0 * d3)
    outputs = both(x)
    if len(outputs) == 2 and isinstance(outputs[1], tf.Tensor):
        pytest.skip("Keras of this TensorFlow flattens the outputs of every layer (until 1.14)")
    two, (three,) = outputs
    assert_same_bits(gradients(keras, keras.Model(x, three), X), [3 * X, np.full_like(X, 100)])
    assert_same_bits(gradients(keras, keras.Model(x, two), X), [2 * X, np.full_like(X, 10)])


def test_a_variable_that_is_not_trained_may_be_an_argument(keras, eager):
    if not hasattr(tf, "function"):
        pytest.skip("this TensorFlow has no variables of its own in eager mode")
    scale = tf.Variable(2.0, trainable=False)
    reverse = override_gradient(lambda x, scale: 1.0 * x, lambda op, dy: (-dy * op.inputs[1], None))
    x = keras.Input([3])
    model = keras.Model(x, reverse(x, scale))
    assert_same_bits(gradients(keras, model, X), [X, np.full_like(X, -2)])
    scale.assign(5.0)
    assert_same_bits(gradients(keras, model, X), [X, np.full_like(X, -5)])


def test_an_eager_tensor_may_stand_beside_symbolic_ones(keras, eager):
    by = np.float32([2.0, 3.0, -4.0])
    f = override_gradient(lambda x, by: x * by, lambda op, dy: (10.0 * dy * op.inputs[1], None))
    x = keras.Input([3])
    model = keras.Model(x, f(x, tf.constant(by)))
    assert_same_bits(gradients(keras, model, X), [X * by, np.tile(10 * by, [2, 1])])


def test_dtypes_are_not_cast_as_a_layer_would(keras):
    x = keras.Input([3], dtype="float64")
    assert tf.as_dtype(tenfold(x).dtype) == tf.float64
    # an output of another dtype than the input's
    assert tf.as_dtype(override_gradient(lambda x: tf.cast(x, tf.float32), lambda op, dy: dy)(x).dtype) == tf.float32


def test_a_model_is_built_on_a_model_with_an_override(keras):
    x = keras.Input([3])
    inner = keras.Model(x, tenfold(x))
    z = keras.Input([3])
    assert_same_bits(gradients(keras, keras.Model(z, tenfold(inner(z))), X), [4 * X, 200 * X * X])


def test_ops_of_keras_before_and_after(keras):
    x = keras.Input([3])
    y = tenfold(keras.layers.Lambda(lambda x: x + 1.0)(x)) if not hasattr(keras, "ops") else tenfold(x + 1.0) * 1.0
    assert_same_bits(gradients(keras, keras.Model(x, y), X), [2 * (X + 1), 10 * (X + 1)])


def test_autograph_goes_on_inside(keras, functions):
    @override_gradient(backward=lambda op, dy: 10.0 * dy)
    def absolute(x):
        if tf.reduce_sum(x) > 0.0:
            y = x
        else:
            y = -x
        return y

    if not modes.IS_TF2:
        pytest.skip("AutoGraph of this TensorFlow converts no layers")
    x = keras.Input([3])
    model = keras.Model(x, absolute(x))
    assert_same_bits(gradients(keras, model, -np.abs(X)), [np.abs(X), np.full_like(X, 10)])
    model.compile("sgd", "mse")
    model.fit(X, X, verbose=0)


# --- what the layer looks like --------------------------------------------------------------------------------


def test_the_summary_names_the_override(keras):
    x = keras.Input([3])
    model = keras.Model(x, tenfold(tenfold(x)))
    lines = []
    model.summary(print_fn=lambda line, **options: lines.append(line))
    text = "\n".join(lines)
    assert "tenfold (Overr" in text and "tenfold_1 (Overr" in text, text
    assert [layer.name for layer in model.layers][1:] == ["tenfold", "tenfold_1"]


def test_a_lambda_gets_a_name_that_keras_accepts(keras):
    x = keras.Input([3])
    y = override_gradient(lambda x: 2.0 * x, lambda op, dy: dy)(x)
    assert keras.Model(x, y).layers[-1].name == "lambda"


def test_masks_pass_through(keras):
    x = keras.Input([4], dtype="int32")
    h = keras.layers.Embedding(5, 3, mask_zero=True)(x)
    y = tenfold(h)
    assert getattr(h, "_keras_mask", None) is not None and getattr(y, "_keras_mask", None) is not None


# --- what is done with models ---------------------------------------------------------------------------------


def test_fit_uses_the_overridden_gradient(keras):
    x = keras.Input([1])
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.Model(x, tenfold(dense(x)))
    model.compile(sgd(keras, 0.5), lambda target, output: output)
    one = np.ones([1, 1], np.float32)
    model.fit(one, one, verbose=0)
    # the output is 2w at w = 1; its overridden gradient by w is 10, natively it is 2
    np.testing.assert_array_equal(model.get_weights()[0], [[1 - 0.5 * 10]])
    np.testing.assert_array_equal(model.predict(one), [[2 * (1 - 0.5 * 10)]])


def test_a_clone_has_the_override(keras):
    x, a, b = keras.Input([3]), keras.Input([3]), keras.Input([3])
    local = override_gradient(lambda x: 2.0 * x, lambda op, dy: 4.0 * dy)
    y = local(weigh(x, {"a": [a], "b": b}, "sum", shift=np.ones(3, np.float32)))
    clone = keras.models.clone_model(keras.Model([x, a, b], y))
    fours = [np.full_like(X, 4 * 7 * position) for position in (1, 2, 3)]
    assert_same_bits(gradients(keras, clone, X, X, X), [2 * (X + X * X + 1)] + fours)


# --- weights --------------------------------------------------------------------------------------------------


def _constant_gradients(op, dy, variables):
    return dy * 5.0, [tf.ones_like(variable) * 7.0 for variable in variables]


def test_a_wrapped_layer_s_weights_are_the_model_s(keras):
    dense = _dense(keras)
    x = keras.Input([3])
    model = keras.Model(x, override_gradient(dense, _constant_gradients)(x))
    assert len(model.trainable_weights) == 1 and model.trainable_weights[0] is dense.kernel
    assert_same_bits(gradients(keras, model, X)[1], np.full_like(X, 5))
    model.compile(sgd(keras, 0.5), lambda target, output: output)
    model.fit(X, X, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], np.full([3, 3], 1 - 0.5 * 7, np.float32))


def test_a_clone_has_weights_of_its_own_and_shares_what_was_shared(keras):
    f = override_gradient(_dense(keras), _constant_gradients)
    x = keras.Input([3])
    model = keras.Model(x, f(f(x)))
    clone = keras.models.clone_model(model)
    assert len(model.trainable_weights) == len(clone.trainable_weights) == 1
    assert clone.trainable_weights[0] is not model.trainable_weights[0]
    assert_same_bits(gradients(keras, clone, X)[1], np.full_like(X, 25))


WRAPPED = {
    "a partial": functools.partial,
    "an override": lambda dense: override_gradient(dense, lambda op, dy, variables: (11.0 * dy, [op.variables[0]])),
    "an override's partial": lambda dense: functools.partial(override_gradient(dense, _constant_gradients)),
}


@pytest.mark.parametrize("wrapped", sorted(WRAPPED))
def test_what_a_layer_is_wrapped_in_brings_its_weights(keras, wrapped):
    dense = _dense(keras)
    x = keras.Input([3])
    model = keras.Model(x, override_gradient(WRAPPED[wrapped](dense), _constant_gradients, name="outer")(x))
    assert len(model.trainable_weights) == 1 and model.trainable_weights[0] is dense.kernel
    assert_same_bits(gradients(keras, model, X)[1], np.full_like(X, 5))


def test_a_method_of_a_layer_brings_its_weights(keras):
    class Twice(keras.layers.Dense):
        def twice(self, x):
            return self(self(x))

    dense = Twice(3, use_bias=False, kernel_initializer="ones")
    x = keras.Input([3])
    model = keras.Model(x, override_gradient(dense.twice, _constant_gradients)(x))
    clone = keras.models.clone_model(model)
    assert len(model.trainable_weights) == len(clone.trainable_weights) == 1
    assert model.trainable_weights[0] is dense.kernel and clone.trainable_weights[0] is not dense.kernel
    assert_same_bits(gradients(keras, clone, X)[1], np.full_like(X, 5))


@pytest.mark.skipif(not hasattr(tf, "Module"), reason="this TensorFlow has no tf.Module (it came with 1.14)")
def test_a_module_s_variables_are_the_model_s(keras):
    class Scale(tf.Module):
        def __init__(self):
            super().__init__()
            # Keras trains no reference variables
            self.scale = modes.v1.Variable([1.0, 2.0, 3.0], use_resource=True)
            self.unit = modes.v1.Variable(1.0, trainable=False, use_resource=True)

        def __call__(self, x):
            return x * self.scale * self.unit

    scale = Scale()
    x = keras.Input([3])
    model = keras.Model(x, override_gradient(scale, _constant_gradients)(x))
    assert len(model.trainable_weights) == 1 and len(model.non_trainable_weights) == 1
    if modes.HAS_EAGER:
        clone = keras.models.clone_model(model)
    else:
        with pytest.raises(TypeError, match="in graph mode.*Keras layer"):
            keras.models.clone_model(model)
    model.compile(sgd(keras, 0.5), lambda target, output: output)
    model.fit(X, X, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], np.array([1, 2, 3], np.float32) - 0.5 * 7)
    if modes.HAS_EAGER:
        np.testing.assert_array_equal(scale.scale.numpy(), np.array([1, 2, 3], np.float32) - 0.5 * 7)
        np.testing.assert_array_equal(clone.get_weights()[0], np.array([1, 2, 3], np.float32))


def _variable(value, name):
    make = tf.contrib.eager.Variable if modes.BEHAVIOUR == "eager" else tf.Variable
    return make(value, name=name)


def test_other_captured_weights_are_refused(keras):
    foreign = _variable([1.0, 2.0, 3.0], "foreign")

    def scaled(x):
        return x * foreign

    overrides = [
        override_gradient(scaled, _constant_gradients),
        override_gradient(scaled, lambda op, dy: 7.0 * dy),  # elsewhere the advice is to take `variables`
        override_gradient(scaled, surrogate=scaled),
    ]
    for f in overrides:
        with pytest.raises(ValueError) as caught:
            f(keras.Input([3]))
        for words in ("'scaled'", "'foreign:0'", "would not know of", "layer of your own", "pass it there"):
            assert words in str(caught.value), str(caught.value)


def test_a_trainable_variable_as_argument_is_refused(keras):
    foreign = _variable([1.0, 2.0, 3.0], "foreign")
    f = override_gradient(lambda x, w: x * w, lambda op, dy: (dy, dy), name="scaled")
    with pytest.raises(ValueError, match="'scaled'.*'foreign:0'.*layer of your own"):
        f(keras.Input([3]), foreign)


def test_in_a_graph_without_a_model_the_way_out_leads_on(graph):
    keras = KERASES.get("tf.keras")
    if keras is None or hasattr(keras, "Operation"):
        pytest.skip("tensors of this Keras belong to no graph")
    foreign = modes.v1.Variable([1.0, 2.0, 3.0], name="foreign")
    x = keras.Input([3])
    f = override_gradient(lambda x: x * foreign, _constant_gradients)
    if not hasattr(x, "graph") or x.graph is not graph:
        pytest.skip("tensors of this Keras belong to no graph of ours")
    with pytest.raises(ValueError, match="tf.identity\\(x\\)"):
        f(x)
    _, dw = tf.gradients(f(tf.identity(x)), [x, foreign])
    with modes.v1.Session() as session:
        session.run(foreign.initializer)
        np.testing.assert_array_equal(session.run(dw, {x: X}), [7, 7, 7])


# --- inside layers nothing is lifted --------------------------------------------------------------------------


def test_inside_a_layer_the_override_is_called_as_it_is(keras):
    class Tenfold(keras.layers.Layer):
        def call(self, x):
            return tenfold(x)

    x = keras.Input([3])
    model = keras.Model(x, Tenfold()(x))
    assert [type(layer).__name__ for layer in model.layers][1:] == ["Tenfold"]
    assert_same_bits(gradients(keras, model, X), [2 * X, 10 * X])


def test_a_layer_s_own_weights_are_its_own_affair(keras):
    class Scale(keras.layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight(name="scale", shape=[3], initializer="ones")
            super().build(shape)

        def call(self, x):
            return override_gradient(lambda x: x * self.scale, _constant_gradients)(x)

    x = keras.Input([3])
    model = keras.Model(x, Scale()(x))
    assert_same_bits(gradients(keras, model, X), [X, np.full_like(X, 5)])
    model.compile(sgd(keras, 0.5), lambda target, output: output)
    model.fit(X, X, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], np.full([3], 1 - 0.5 * 7, np.float32))


def test_a_layer_as_forward_gives_its_weights_the_gradients_of_backward(keras, functions):
    layer = _dense(keras)
    layer.build((None, 3))
    f = override_gradient(layer, _constant_gradients)
    x = tf.constant(X)
    for call in (f, tf.function(f)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = call(x)
        kernel = getattr(layer.kernel, "value", None)
        kernel = layer.kernel if callable(kernel) or kernel is None else kernel
        found = tape.gradient(y, [x, kernel])
        np.testing.assert_array_equal(found[0].numpy(), np.full_like(X, 5))
        np.testing.assert_array_equal(found[1].numpy(), np.full([3, 3], 7, np.float32))


# --- what is no symbolic tensor of Keras ----------------------------------------------------------------------


def test_a_graph_tensor_in_eager_mode_is_refused(eager):
    with tf.Graph().as_default():
        stranger = tf.zeros([3])
    if hasattr(stranger, "numpy"):
        pytest.skip("this TensorFlow stays eager in graphs (1.7)")
    with pytest.raises(TypeError, match="'tenfold': called eagerly on .* a graph that is not being built"):
        tenfold(stranger)


def test_of_a_graph_tensor_beside_symbolic_ones_the_error_tells_the_name(keras, eager):
    with tf.Graph().as_default():
        stranger = tf.zeros([3], name="far_away")
    f = override_gradient(lambda x, y: x * y, lambda op, dy: (10.0 * dy, None))
    with pytest.raises(TypeError, match="called eagerly on .*far_away"):
        f(keras.Input([3]), stranger)


def test_in_a_plain_graph_a_tensor_that_keras_does_not_know_is_none_of_its_business(graph):
    x = tf.zeros([3])
    assert not hasattr(tenfold(x), "_keras_history")


@pytest.mark.skipif(
    hasattr(getattr(tf, "compat", None), "v1") or not hasattr(tf, "keras"), reason="overrides are lifted in this Keras"
)
def test_in_an_older_keras_a_graph_keeps_the_override(graph):
    x = tf.keras.layers.Input([3])
    y = tenfold(x)
    assert not hasattr(y, "_keras_history")
    with tf.Session() as session:
        assert_same_bits(session.run(tf.gradients(y, x), {x: X}), [10 * X])


@pytest.mark.skipif(
    modes.HAS_EAGER or not hasattr(getattr(tf, "keras", None), "Operation"), reason="no Keras 3 in a graph"
)
def test_keras_3_in_graph_mode_has_the_override(graph):
    x = tf.keras.Input([3])
    model = tf.keras.Model(x, tenfold(x))
    z = tf.constant(X)
    y = model(z)
    with modes.v1.Session() as session:
        assert_same_bits(session.run([y] + tf.gradients(y, z)), [2 * X, 10 * X])
