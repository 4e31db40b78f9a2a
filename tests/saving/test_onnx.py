"""tf2onnx and onnxruntime: the nodes and the values of the model without overrides. For `tox -e onnx`."""

import pytest
import tensorflow as tf

from tests.modes import assert_same_bits
from tests.saving.inference import EXPECTED, X, keras_model, plain_values, values

WHY_NOT = "the environment onnx of tox.ini has tf2onnx and onnxruntime"
tf2onnx = pytest.importorskip("tf2onnx", reason=WHY_NOT)
onnxruntime = pytest.importorskip("onnxruntime", reason=WHY_NOT)


def _from_function(f):
    return tf2onnx.convert.from_function(tf.function(f), input_signature=[tf.TensorSpec([None, 3], tf.float32)])[0]


def _from_keras(f):
    return tf2onnx.convert.from_keras(keras_model(f))[0]


@pytest.mark.parametrize("convert", [_from_function, _from_keras])
def test_onnx(convert):
    model, plain = convert(values), convert(plain_values)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (found,) = session.run(None, {session.get_inputs()[0].name: X})
    assert_same_bits(found, EXPECTED)
    assert [node.op_type for node in model.graph.node] == [node.op_type for node in plain.graph.node]
