"""Converters for inference: the values are those without the override."""

import importlib
import inspect

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import _tf, override_gradient
from tests import modes
from tests.modes import assert_same_bits

X = np.array([[0.5, -1.25, 3.0]], np.float32)
tenfold = override_gradient(lambda x: 2.0 * x, lambda op, dy: dy * 10.0 * op.inputs[0], name="tenfold")
relus = override_gradient(lambda x: tf.nn.relu(x) - x, {"Relu": lambda op, dy: dy * 7.0 * op.inputs[0]}, name="lite")


def _values(x):
    return relus(tenfold(x))


def _plain_values(x):
    doubled = 2.0 * x
    return tf.nn.relu(doubled) - doubled


EXPECTED = np.maximum(2 * X, 0) - 2 * X


def _keras_model():
    x = tf.keras.Input([3], batch_size=1)
    return tf.keras.Model(x, _values(x))


def _module():
    module = tf.Module()
    module.f = tf.function(_values, input_signature=[tf.TensorSpec([1, 3], tf.float32)])
    return module


def _from_keras_model(folder):
    return tf.lite.TFLiteConverter.from_keras_model(_keras_model())


def _from_concrete_functions(folder):
    convert, module = tf.lite.TFLiteConverter.from_concrete_functions, _module()
    takes_module = "trackable_obj" in inspect.signature(convert).parameters
    function = module.f.get_concrete_function()
    return convert([function], module) if takes_module else convert([function])


def _from_saved_model(folder):
    module = _module()
    tf.saved_model.save(module, folder, signatures=module.f)
    return tf.lite.TFLiteConverter.from_saved_model(folder)


@pytest.mark.parametrize("quantized", [False, True], ids=["float", "dynamic range"])
@pytest.mark.parametrize("convert", [_from_keras_model, _from_concrete_functions, _from_saved_model])
def test_tflite(functions, tmp_path, convert, quantized):
    if not modes.IS_TF2 or not hasattr(tf.lite.TFLiteConverter, "from_saved_model"):
        pytest.skip("TensorFlow 1's TFLite refuses every IdentityN that names a gradient, tf.custom_gradient's too")
    converter = convert(str(tmp_path / "model"))
    if not hasattr(converter, "experimental_new_converter"):  # 2.0
        pytest.skip("TensorFlow 2.0's TFLite refuses every IdentityN that names a gradient, tf.custom_gradient's too")
    if quantized:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], X)
    interpreter.invoke()
    assert_same_bits(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), EXPECTED)


def _in_int8(f):
    """Return (the output, the types of the ops) of f in TFLite, in integers by representative data."""
    function = tf.function(f, input_signature=[tf.TensorSpec([1, 3], tf.float32)]).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([X * np.float32(i / 20)] for i in range(-20, 20))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], X)
    interpreter.invoke()
    types = [op["op_name"] for op in interpreter._get_ops_details()]
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), types


@pytest.mark.skipif(
    not hasattr(getattr(getattr(tf, "lite", None), "Interpreter", None), "_get_ops_details"),
    reason="this TensorFlow's TFLite does not tell its ops",
)
def test_tflite_in_int8_is_the_model_without_overrides(functions):
    (found, types), (wanted, wanted_types) = _in_int8(_values), _in_int8(_plain_values)
    assert_same_bits(found, wanted)
    assert types == wanted_types


def test_freezing_a_function(functions):
    try:
        freezing = importlib.import_module("tensorflow.python.framework.convert_to_constants")
    except ImportError:
        pytest.skip("this TensorFlow freezes no functions (1.14 brought it)")
    weight = tf.Variable(2.0)
    f = tf.function(lambda x: _values(x) * weight, input_signature=[tf.TensorSpec([1, 3], tf.float32)])
    frozen = freezing.convert_variables_to_constants_v2(f.get_concrete_function())
    found = frozen(tf.constant(X))
    assert_same_bits(np.asarray(found[0] if isinstance(found, (list, tuple)) else found), 2 * EXPECTED)


@pytest.mark.skipif(not _tf.has_identity_n_op, reason="TensorFlow 1.0 cannot import the call of a function")
def test_freezing_a_graph(graph):
    v1 = modes.v1
    x = v1.placeholder(tf.float32, [1, 3], name="x")
    weight = v1.get_variable("weight", initializer=2.0)
    tf.identity(_values(x) * weight, name="y")
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        frozen = v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), ["y"])
    with tf.Graph().as_default(), v1.Session() as session:
        (y,) = v1.import_graph_def(frozen, return_elements=["y:0"], name="")
        assert_same_bits(session.run(y, {"x:0": X}), 2 * EXPECTED)
