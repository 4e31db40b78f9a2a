"""SavedModels of sessions: simple_save, SavedModelBuilder, tf.estimator; loaded into another graph."""

import os

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import _tf, override_gradient
from tests.modes import v1

pytestmark = pytest.mark.skipif(
    not _tf.has_identity_n_op, reason="TensorFlow to 1.3 cannot import the call of a function"
)
X = np.array([0.5, -1.25, 3.0], np.float32)
tenfold = override_gradient(lambda x: 2.0 * x, lambda op, dy: dy * 10.0 * op.inputs[0], name="session_tenfold")
relus = override_gradient(
    lambda x: tf.nn.relu(x) - x, {"Relu": lambda op, dy: dy * 7.0 * op.inputs[0]}, name="session_relus"
)


def _model(x):
    return tenfold(relus(x)) * v1.get_variable("w", initializer=4.0)


R = np.maximum(X, 0) - X
VALUE, GRADIENT = 8 * R, 40 * R * (7 * X - 1)


def _simple_save(session, path, x, y):
    v1.saved_model.simple_save(session, path, {"x": x}, {"y": y})


def _build(session, path, x, y):
    saved_model = v1.saved_model
    make = getattr(getattr(saved_model, "signature_def_utils", saved_model), "predict_signature_def", None)
    signature = (make or saved_model.predict_signature_def)({"x": x}, {"y": y})
    builder = getattr(saved_model, "Builder", None) or saved_model.builder.SavedModelBuilder
    builder = builder(path)
    builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
    builder.save()


def _assert_right_when_loaded(path):
    """Values and gradients, the overrides being defined in this process."""
    load = getattr(v1.saved_model, "load", None) or v1.saved_model.loader.load
    with tf.Graph().as_default() as graph, v1.Session() as session:
        signature = load(session, ["serve"], path).signature_def["serving_default"]
        (x,), (y,) = [
            [graph.get_tensor_by_name(one.name) for one in ends.values()]
            for ends in (signature.inputs, signature.outputs)
        ]
        found = session.run([y] + v1.gradients(y, x), {x: X})
    np.testing.assert_array_equal(found, [VALUE, GRADIENT])


@pytest.mark.parametrize("save", [_simple_save, _build])
def test_a_session_is_saved(graph, tmp_path, save):
    if save is _simple_save and not hasattr(v1.saved_model, "simple_save"):
        pytest.skip("this TensorFlow has no simple_save")
    path = str(tmp_path / "saved")
    x = v1.placeholder(tf.float32, [3])
    y = _model(x)
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        save(session, path, x, y)
    _assert_right_when_loaded(path)


@pytest.mark.slow
def test_an_estimator_is_exported(graph, tmp_path):
    estimators = getattr(tf, "estimator", None)
    if not hasattr(estimators, "Estimator"):
        pytest.skip("this TensorFlow has no tf.estimator")

    def model(features, labels, mode):
        y = _model(features["x"])
        if mode == estimators.ModeKeys.PREDICT:
            signature = estimators.export.PredictOutput({"y": y})
            return estimators.EstimatorSpec(mode, predictions={"y": y}, export_outputs={"serving_default": signature})
        step = v1.train.get_global_step()
        train = v1.train.GradientDescentOptimizer(0.0).minimize(tf.reduce_sum(y), step)
        return estimators.EstimatorSpec(mode, loss=tf.reduce_sum(y), train_op=train)

    def receiver():
        x = v1.placeholder(tf.float32, [3])
        return estimators.export.ServingInputReceiver({"x": x}, {"x": x})

    estimator = estimators.Estimator(model, str(tmp_path / "training"))
    estimator.train(lambda: ({"x": tf.constant(X)}, tf.constant(0.0)), steps=1)
    export = getattr(estimator, "export_saved_model", None) or estimator.export_savedmodel
    path = export(str(tmp_path / "exported"), receiver)
    _assert_right_when_loaded(os.fsdecode(path))
