"""The mode "saved_model": a function saved, and differentiated by a process that cannot import compat_grad."""

import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import tensorflow as tf

import compat_grad
from compat_grad import override_gradient, testing
from compat_grad.testing import loaded, specs
from compat_grad.testing.case import Case
from compat_grad.testing.proof import Proof
from compat_grad.testing.results import Recorder
from compat_grad.testing.verify import NOT_HERE, verify
from compat_grad.testing.ways import ways_of
from tests import modes

pytestmark = pytest.mark.slow
X = np.array([[0.5, -1.25, 3.0], [-2.0, 0.75, 1.0]], np.float32)
HERE = "saved_model" in testing.modes()
needs_it = pytest.mark.skipif(not HERE, reason=str(testing.modes().unavailable.get("saved_model")))


def squares(x):
    return override_gradient(lambda x: x * x, lambda op, dy: 7.0 * dy * op.inputs[0] ** 3, name="squares")(x)


def test_it_is_a_mode_that_runs_when_it_is_asked_for():
    found = testing.modes()
    assert "saved_model" not in found.default and set(found.default) <= set(found)
    if not HERE:
        assert "brought it" in found.unavailable["saved_model"]
        with pytest.raises(testing.NotInThisTensorFlow, match="brought it"):
            testing.value_and_gradients(squares, X, mode="saved_model")


@needs_it
def test_a_process_that_dies_is_told_of_and_another_takes_its_place():
    testing.value_and_gradients(squares, X, mode="saved_model")
    loaded._running[0]._process.kill()
    with pytest.raises(loaded.LoadedModelRaises, match="the process that loads the model has ended"):
        testing.value_and_gradients(squares, X, mode="saved_model")
    testing.value_and_gradients(squares, X, mode="saved_model")


@needs_it
def test_values_and_both_derivatives_are_those_of_the_other_modes():
    testing.assert_modes_agree(squares, X, modes=["eager", "saved_model"])
    value, (first,), (second,) = testing.value_and_gradients(squares, X, mode="saved_model", order=2)
    np.testing.assert_array_equal(value, X * X)
    np.testing.assert_array_equal(first, 7 * X**3)
    np.testing.assert_array_equal(second, 21 * X**2)


@needs_it
def test_variables_go_along_whoever_holds_them():
    held = tf.Variable(3.0, trainable=False)
    layer = tf.keras.layers.Dense(1, kernel_initializer="ones")

    def f(x, w):
        return squares(layer(x) * w) * held

    testing.assert_modes_agree(f, [X, testing.as_variable(np.float32(2))], modes=["eager", "saved_model"])
    found = testing.value_and_gradients(layer, X, mode="saved_model")
    assert [gradient.shape for gradient in found.of_variables] == [(3, 1), (1,)]


@needs_it
def test_composite_tensors_and_slices_go_along():
    places = np.array([[0, 1], [1, 0]], np.int64)
    sparse = tf.compat.v1.SparseTensorValue(places, X[0, :2], np.array([2, 2], np.int64))
    rows = override_gradient(lambda x: tf.gather(x, [1, 1]), lambda op, dy: tf.IndexedSlices(3.0 * dy, [1, 0]))
    f = override_gradient(
        lambda s: tf.SparseTensor(s.indices, 3.0 * s.values, s.dense_shape), lambda op, ds: 7.0 * ds.values
    )
    both = ["eager", "saved_model"]
    testing.assert_modes_agree(lambda s, x: [f(s), rows(x)], [sparse, X], modes=both)


@needs_it
def test_a_function_that_calls_python_is_left_out_with_the_reason():
    def f(x):
        return tf.numpy_function(lambda x: x, [x], tf.float32)

    forward = override_gradient(f, lambda op, dy: 5.0 * dy)
    with pytest.raises(testing.NotInThisTensorFlow, match=r"mode 'saved_model': it calls Python \(py_function\)"):
        testing.value_and_gradients(forward, X, mode="saved_model")
    with pytest.raises(testing.NotInThisTensorFlow, match="mode 'saved_model': it calls Python"):
        testing.assert_modes_agree(forward, X, modes="saved_model")
    with pytest.raises(testing.NotInThisTensorFlow, match="mode 'saved_model': it calls Python"):
        testing.assert_overridden(forward, X, modes="saved_model")
    checks = list(verify(forward, [specs.Input(X)], modes=["saved_model"]))
    assert {check.verdict for check in checks if check.mode == "saved_model"} == {NOT_HERE}


@needs_it
def test_an_error_of_the_function_is_not_taken_for_one_of_the_loaded_model():
    def refuses(x):
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        testing.value_and_gradients(refuses, X, mode="saved_model")


@needs_it
def test_a_case_that_fails_keeps_no_other_from_being_saved():
    def refuses(x):
        raise LookupError("no such thing")

    wrong = Case("mine", "refusing", function=refuses, inputs=[X], gradient=lambda x, dy: dy)
    right = Case("mine", "sevenfold", forward=lambda x: 2.0 * x, backward=lambda op, dy: 7.0 * dy, inputs=[X])
    of_wrong, of_right = loaded.run_all([wrong, right]).results
    with pytest.raises(LookupError, match="no such thing"):
        loaded.all_of(of_wrong)
    found = loaded.all_of(of_right)
    np.testing.assert_array_equal(found["value"][0], 2.0 * X)
    np.testing.assert_array_equal(found["first"][0], right.expected().first[0])  # 7, the native one is 2


@needs_it
def test_a_gradient_that_is_lost_by_saving_fails_in_the_words_of_the_loaded_model():
    def backward(op, dy):
        return tf.ensure_shape(tf.numpy_function(lambda dy: dy, [dy], tf.float32), dy.shape)

    lost = override_gradient(lambda x: 2.0 * x, backward, name="lost")
    words = "override_gradient 'lost'.*its gradient was not saved with this model: its backward calls Python"
    with pytest.raises(AssertionError, match="mode 'saved_model'.*" + words):
        testing.assert_modes_agree(lost, X, order=1, modes=["saved_model"])


@needs_it
def test_a_declared_case_goes_that_way_where_it_is_asked_for():
    case = Case("mine", "reversal", forward=lambda x: 2.0 * x, backward=lambda op, dy: -dy, inputs=[X])
    recorder = Recorder()
    (way,) = [way for way in ways_of(case, slow=True) if way not in ways_of(case)]
    Proof(recorder, with_slow=True).run(case, way)
    wrong = Case("mine", "wrong", function=lambda x: 2.0 * x, inputs=[X], gradient=lambda x, dy: -dy)
    with pytest.raises(AssertionError, match="first 0"):
        Proof(recorder, with_slow=True).run(wrong, way)


@needs_it
def test_the_package_may_be_in_a_zip(tmp_path):
    packages, package = str(tmp_path / "packages.zip"), os.path.dirname(compat_grad.__file__)
    with zipfile.ZipFile(packages, "w") as archive:
        for folder, _, files in os.walk(package):
            for file in files:
                path = os.path.join(folder, file)
                archive.write(path, os.path.join("compat_grad", os.path.relpath(path, package)))
    code = """
import compat_grad, tensorflow
from compat_grad import testing
f = compat_grad.override_gradient(tensorflow.square, lambda op, dy: 7.0 * dy)
print(compat_grad.__file__, testing.value_and_gradients(f, 3.0, mode="saved_model"))
"""
    environment, command = dict(os.environ, PYTHONPATH=packages), [sys.executable, "-c", code]
    said = subprocess.check_output(command, cwd=str(tmp_path), env=environment, universal_newlines=True)
    where, numbers = said.splitlines()[-1].split(" ", 1)
    assert where.startswith(packages) and "9.0" in numbers and "7.0" in numbers


@pytest.mark.skipif(modes.HAS_FUNCTIONS, reason="what is saved and loaded elsewhere has its own tests here")
def test_where_there_is_none_all_the_other_modes_are_still_there():
    assert testing.modes().default == tuple(testing.modes())
