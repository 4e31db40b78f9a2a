"""Converters for inference: the values are those without the override."""

import functools
import inspect

import numpy as np
import pytest
import tensorflow as tf

from tests import modes
from tests.modes import assert_same_bits
from tests.saving.inference import EXPECTED, X, keras_model, module_of, plain_values, values


def _from_keras_model(f, folder):
    return tf.lite.TFLiteConverter.from_keras_model(keras_model(f))


def _from_concrete_functions(f, folder):
    convert, module = tf.lite.TFLiteConverter.from_concrete_functions, module_of(f)
    takes_module = "trackable_obj" in inspect.signature(convert).parameters
    function = module.f.get_concrete_function()
    return convert([function], module) if takes_module else convert([function])


def _from_saved_model(f, folder):
    module = module_of(f)
    tf.saved_model.save(module, folder, signatures=module.f)
    return tf.lite.TFLiteConverter.from_saved_model(folder)


@pytest.mark.parametrize("quantized", [False, True], ids=["float", "dynamic range"])
@pytest.mark.parametrize("convert", [_from_keras_model, _from_concrete_functions, _from_saved_model])
def test_tflite(functions, tmp_path, convert, quantized):
    if not modes.IS_TF2 or not hasattr(tf.lite.TFLiteConverter, "from_saved_model"):
        pytest.skip("TensorFlow 1's TFLite refuses every IdentityN that names a gradient, tf.custom_gradient's too")
    converter = convert(values, str(tmp_path / "model"))
    if not hasattr(converter, "experimental_new_converter"):  # 2.0
        pytest.skip("TensorFlow 2.0's TFLite refuses every IdentityN that names a gradient, tf.custom_gradient's too")
    if quantized:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], X)
    interpreter.invoke()
    assert_same_bits(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), EXPECTED)


def _in_int8(converter):
    """Return (the output, the types of the ops) of a model in TFLite, in integers by representative data."""
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([X * np.float32(i / 20)] for i in range(-20, 20))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], X)
    interpreter.invoke()
    types = [op["op_name"] for op in interpreter._get_ops_details()]
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), types


@functools.lru_cache(maxsize=None)  # up to 2.2 a conversion starts a process that imports TensorFlow
def _plain_in_int8():
    return _in_int8(_from_concrete_functions(plain_values, None))


@pytest.mark.skipif(
    not hasattr(getattr(getattr(tf, "lite", None), "Interpreter", None), "_get_ops_details"),
    reason="this TensorFlow's TFLite does not tell its ops",
)
@pytest.mark.parametrize("convert", [_from_keras_model, _from_concrete_functions, _from_saved_model])
def test_tflite_in_int8_is_the_model_without_overrides(functions, tmp_path, convert):
    found, types = _in_int8(convert(values, str(tmp_path / "ours")))
    wanted, wanted_types = _plain_in_int8()
    assert_same_bits(found, wanted)
    assert types == wanted_types
