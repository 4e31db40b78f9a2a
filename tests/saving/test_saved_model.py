"""SavedModels of overrides, loaded in a process that cannot import compat_grad."""

import collections
import inspect
import json
import os
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient, strict_saving
from tests import modes
from tests.saving import bare, programs, replicas
from tests.saving.programs import X, v1

SaveOptions = getattr(tf.saved_model, "SaveOptions", None)
WRITES = SaveOptions and "experimental_custom_gradients" in inspect.signature(SaveOptions).parameters
writes_gradients = pytest.mark.skipif(not WRITES, reason="this TensorFlow writes no gradients of ops (2.6 brought it)")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
Saved = collections.namedtuple("Saved", "live loaded defined warned")
Saved.__doc__ = """What a model gave before it was saved, and what when loaded.

loaded: in a process that cannot import compat_grad; defined: where the overrides are defined again; warned: by saving.
"""


def module_of(*functions, **tracked):
    """Return a module that holds functions of one vector as ``f``, traced for X, and what else is to be saved."""
    module = tf.Module()
    spec = tf.TensorSpec([len(X)], tf.float32)
    module.f = tf.function(
        lambda *xs: [f(x) for f, x in zip(functions, xs)], input_signature=[spec] * len(functions), autograph=False
    )
    for name, value in tracked.items():
        setattr(module, name, value)
    return module


def save(module, path, gradients=True):
    """Save module; return the warnings about overrides."""
    options = {"options": SaveOptions(experimental_custom_gradients=gradients)} if WRITES else {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tf.saved_model.save(module, str(path), **options)
    return [str(warning.message) for warning in caught if "override_gradient" in str(warning.message)]


def load_elsewhere(folder, inputs, defined):
    """Return {name: {way: result}} twice, from a process of its own: bare, and with the overrides defined again.

    Args:
      inputs: model saved in folder -> what it is called with.
      defined: the models that are loaded with the overrides defined again.
    """
    with open(str(folder / "input.json"), "w") as file:
        json.dump(dict(inputs=inputs, defined=defined), file)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    run([sys.executable, bare.__file__, str(folder), ROOT], environment, folder)
    return [json.loads((folder / (how + ".json")).read_text()) for how in ("bare", "defined")]


def run(command, environment, folder):
    done = subprocess.run(
        command,
        env=environment,
        cwd=str(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]


# --- what is saved --------------------------------------------------------------------------------------------

outside = {}  # a variable that no saved object holds, made when TensorFlow is ready


def _scaled_by_stranger(op, dy):
    return dy * outside["variable"]


def _calls_python(op, dy):
    return tf.ensure_shape(tf.numpy_function(lambda dy: dy, [dy], tf.float32), dy.shape)


def _fails(op, dy):
    raise KeyError("this backward fails")


#: name -> (function, words of the reason)
NOT_CARRIED = {
    "a variable that is not saved": (override_gradient(lambda x: 2.0 * x, _scaled_by_stranger, name="a"), "'stranger"),
    "Python in backward": (override_gradient(lambda x: 2.0 * x, _calls_python, name="b"), "calls Python"),
    "a backward that fails": (override_gradient(lambda x: 2.0 * x, _fails, name="c"), "this backward fails"),
}


def _captures(w):
    return override_gradient(
        lambda x: x * w,
        lambda op, dy, variables: (dy * 5.0 * variables[0], [11.0 * tf.reduce_sum(dy)]),
        name="captures",
    )


def _reads_in_backward(w):
    """A variable that backward alone uses, but the saved object holds."""
    return override_gradient(lambda x: 2.0 * x, lambda op, dy: dy * w * op.inputs[0])


#: name -> function of a variable, which the saved object holds, that returns an override
WITH_VARIABLE = {"a captured variable": _captures, "a variable in backward": _reads_in_backward}
OTHERS = dict(programs.CARRIED_IN_BODIES, **{"itself in its backward": programs.endless})
OTHERS.update({name: f for name, (f, _) in NOT_CARRIED.items()})


def keras_model(f):
    keras = tf.keras
    x = keras.Input([])
    dense = keras.layers.Dense(1, kernel_initializer="ones")
    return keras.Model(x, keras.layers.Reshape([])(f(dense(keras.layers.Reshape([1])(x)))))


def _export_by_archive(model, path):
    archive = tf.keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", lambda x: model(x), input_signature=[tf.TensorSpec([None], tf.float32)])
    archive.write_out(path)


def _save_expanded(model, path):
    policy = tf.saved_model.experimental.VariablePolicy.EXPAND_DISTRIBUTED_VARIABLES
    tf.saved_model.save(model, path, options=SaveOptions(experimental_variable_policy=policy))


def _keras_ways():
    """Return {way to save a Keras model: function of model and path}."""
    keras = tf.keras
    ways = {"saved_model.save": tf.saved_model.save}
    if not hasattr(keras, "Operation") and not hasattr(keras.layers.Layer, "quantize"):  # Keras 2
        ways["model.save"] = lambda model, path: model.save(path, save_format="tf")
    if hasattr(keras.Model, "export"):
        ways["model.export"] = lambda model, path: model.export(path)
    if hasattr(getattr(keras, "export", None), "ExportArchive"):
        ways["ExportArchive"] = _export_by_archive
    if WRITES:
        ways["without the option"] = lambda model, path: save(model, path, gradients=False)
    if WRITES and "model.save" in ways:
        off = SaveOptions(experimental_custom_gradients=False)
        ways["model.save, without the option"] = lambda model, path: model.save(path, save_format="tf", options=off)
    return ways


def _save_keras(folder):
    """Save Keras models in all ways that make a SavedModel; return {name: what the model gives}."""
    # without a name that a file could hold, and by op in a function
    model = keras_model(lambda x: programs.by_output(programs.tenfold(x)))
    for way, save_model in _keras_ways().items():
        save_model(model, str(folder / ("Keras, " + way)))
    here = bare.outcomes_of_keras(model, tf.constant(X))
    found = {"Keras, " + way: here for way in _keras_ways()}
    if hasattr(getattr(tf.saved_model, "experimental", None), "VariablePolicy"):
        with tf.distribute.MirroredStrategy(["/cpu:0"]).scope():
            model = keras_model(_relu_of_product)
        _save_expanded(model, str(folder / "Keras, expanded"))
        found["Keras, expanded"] = bare.outcomes_of_keras(keras_model(_relu_of_product), tf.constant(X))
    return found


def _relu_times(x):
    return x * tf.nn.relu(x)


_product = tf.function(_relu_times) if hasattr(tf, "function") else _relu_times
_relu_of_product = override_gradient(
    lambda x: _product(x), {"Relu": lambda op, dy: dy * 7.0 * op.inputs[0]}, name="relu_of_product"
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Models by their names, each as `Saved`.

    Those whose gradients are carried are the outputs of one function, and all are loaded in one process: tracing a
    loaded function and importing TensorFlow take their time.
    """
    if not modes.HAS_FUNCTIONS or not modes.IS_TF2:
        pytest.skip("this TensorFlow process saves no tf.function that tf.saved_model.load gives back (2.0 brought it)")
    outside["variable"] = tf.Variable(3.0, name="stranger")
    folder = tmp_path_factory.mktemp("saved")
    names = {name: [name] for name in OTHERS}  # of the functions in a model
    models = {name: module_of(f) for name, f in OTHERS.items()}
    names["carried"], models["carried"] = list(programs.CARRIED), module_of(*programs.CARRIED.values())
    w = tf.Variable(4.0)
    names["with a variable"] = list(WITH_VARIABLE)
    models["with a variable"] = module_of(*[make(w) for make in WITH_VARIABLE.values()], w=w)
    warned = {name: save(model, folder / name) for name, model in models.items()}
    names["without the option"], models["without the option"] = ["without the option"], module_of(programs.tenfold)
    warned["without the option"] = save(models["without the option"], folder / "without the option", gradients=False)
    inputs = {name: [X] * len(names[name]) for name in names}
    live = {name: bare.outcomes(models[name].f, *map(tf.constant, inputs[name])) for name in names}
    of_keras = _save_keras(folder)
    inputs.update({name: [X] for name in of_keras})
    loaded, defined = load_elsewhere(folder, inputs, ["carried", "without the option"])
    found = {name: Saved(here, loaded[name], None, None) for name, here in of_keras.items()}
    for model, functions in names.items():
        for index, name in enumerate(functions):
            results = [of_function(results, index) for results in (live[model], loaded[model], defined.get(model))]
            found[name] = Saved(*(results + [warned[model]]))
    return found


def of_function(results, index):
    """Return the results of one of a model's functions: {way: list of numbers, None, or what was raised}."""
    if results is None:
        return None
    return {way: found if "raised" in found else found[index] for way, found in results.items()}


# --- what comes back ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(programs.CARRIED) + sorted(WITH_VARIABLE) + sorted(NOT_CARRIED))
def test_values_come_back(saved, name):
    assert saved[name].loaded["value"] == saved[name].live["value"]


@writes_gradients
@pytest.mark.parametrize("name", sorted(programs.CARRIED) + sorted(WITH_VARIABLE))
def test_gradients_come_back_first_and_second(saved, name):
    model = saved[name]
    assert model.warned == []
    assert model.loaded == model.live
    assert isinstance(model.live["gradient"], list)


@pytest.mark.parametrize("how", ["saved_model.save", "model.save", "model.export", "ExportArchive", "expanded"])
def test_keras_models_are_saved_by_default_options(saved, how):
    model = saved.get("Keras, " + how)
    if model is None:
        pytest.skip("this Keras has no " + how + " that makes a SavedModel")
    assert "tf.saved_model.load" in model.loaded
    for way, loaded in model.loaded.items():
        assert loaded["value"] == model.live["value"], way
        if WRITES and SaveOptions().experimental_custom_gradients:
            assert loaded == model.live, way
        else:
            assert "compat_grad" in loaded["gradient"]["raised"] and "raised" in loaded["trained"], way
    if how != "expanded":
        assert model.live["gradient"] == [[120.0 * x**3 for x in X]]


@writes_gradients
@pytest.mark.parametrize("how", ["", "model.save, "])
def test_keras_models_saved_without_the_option_raise_where_the_gradient_is_asked_for(saved, how):
    model = saved.get("Keras, {}without the option".format(how))
    if model is None:
        pytest.skip("this Keras has no model.save that makes a SavedModel")
    for way, loaded in model.loaded.items():
        assert loaded["value"] == model.live["value"], way
        assert "compat_grad" in loaded["gradient"]["raised"] and "raised" in loaded["trained"], way


@writes_gradients
def test_of_an_override_that_its_own_backward_calls_the_third_derivative_is_not_saved(saved):
    model = saved["itself in its backward"]
    (warning,) = model.warned
    assert "'endless': its third derivative is not saved" in warning
    assert model.loaded == model.live
    assert model.live["second"] == [2.0 * x for x in X]


@writes_gradients
@pytest.mark.parametrize("name", sorted(programs.CARRIED_IN_BODIES))
def test_gradients_in_loops_and_branches_come_back_or_raise(saved, name):
    model = saved[name]
    if not model.warned:
        assert model.loaded == model.live
        return
    assert "loses when it differentiates a loaded one" in model.warned[0]
    assert model.loaded["value"] == model.live["value"]
    assert "was not saved with this model" in model.loaded["gradient"]["raised"]


@writes_gradients
@pytest.mark.parametrize("name", sorted(NOT_CARRIED))
def test_what_cannot_be_written_is_a_warning_and_then_a_sentence(saved, name):
    f, reason = NOT_CARRIED[name]
    (warning,) = saved[name].warned
    assert "override_gradient {!r}: its gradient is not saved".format(f.__name__) in warning and reason in warning
    for way in ("gradient", "gradient, tape inside", "gradient, tf.gradients inside", "second"):
        raised = saved[name].loaded[way]["raised"]
        assert "its gradient was not saved with this model" in raised and reason.strip("'") in raised, raised


def test_without_the_option_asking_for_the_gradient_raises(saved):
    loaded = saved["without the option"].loaded
    assert loaded["value"] == [2.0 * x for x in X]
    for way in ("gradient", "gradient, tf.gradients inside", "second"):
        raised = loaded[way]["raised"]
        # in a bare process TensorFlow's own first line can tell what the op is called, and no more
        assert "No gradient defined for operation" in raised and "tenfold/gradient_by_compat_grad' (op" in raised, (
            raised
        )


def test_defined_again_the_override_gives_gradients_that_were_not_saved(saved):
    assert saved["without the option"].defined == saved["one call"].live
    for name in programs.CARRIED:
        assert saved[name].defined == saved[name].live, name


@writes_gradients
def test_strict_saving_raises_instead(functions, tmp_path):
    f, reason = NOT_CARRIED["Python in backward"]
    with pytest.raises(
        ValueError, match="'b': its gradient cannot be saved: its backward calls Python"
    ), strict_saving():
        save(module_of(f), tmp_path / "strict")
    with strict_saving():
        assert save(module_of(programs.tenfold), tmp_path / "carried") == []


def _of_a_large_tensor(w):
    large = tf.constant(np.ones([200], np.float32))  # small ones are written into the graph
    return override_gradient(lambda x: 2.0 * x, lambda op, dy: dy * tf.reduce_sum(large), name="of large")


def _of_a_stranger_beside_one_that_is_held(w):
    stranger = tf.Variable(3.0, name="unheld")
    return override_gradient(lambda x: 2.0 * x, lambda op, dy: dy * w * stranger, name="of two")


def _of_another_graph(w):
    with tf.Graph().as_default():
        constant = tf.constant(3.0, name="elsewhere")
    return override_gradient(lambda x: 2.0 * x, lambda op, dy: dy * constant, name="of a graph")


def _within_a_function(w):
    def backward(op, dy):
        return tf.function(lambda dy: dy * programs.tenfold(op.inputs[0]))(dy)

    return override_gradient(lambda x: x * x, backward, name="of a function")


def _imported(make):
    with tf.Graph().as_default() as graph:
        f = make()
        tf.identity(f(v1.placeholder(tf.float32, [3], name="x")), name="y")
    return lambda x: tf.import_graph_def(graph.as_graph_def(), {"x:0": x}, ["y:0"])[0]


def _imported_whole(w):
    return _imported(lambda: override_gradient(lambda x: 2.0 * x, lambda op, dy: 10.0 * dy, name="imported"))


def _imported_ops(w):
    return _imported(lambda: override_gradient(tf.nn.relu, {"Relu": lambda op, dy: 10.0 * dy}, name="imported ops"))


#: (what makes the function of a variable that the saved object holds, words of the reason)
NOT_SAVED = [
    (_of_a_large_tensor, r"'of large': .*uses a tensor of shape \(200,\) and dtype float32, which the saved object"),
    (_of_a_stranger_beside_one_that_is_held, "'of two': .*uses the variable 'unheld:0', which the saved object"),
    (_of_another_graph, "'of a graph': .*uses the tensor 'elsewhere:0' of another graph, which the saved object"),
    (_within_a_function, "'tenfold': .*it is in a function, in a backward, that captures a tensor from outside"),
    (_imported_whole, "several ops of imported graphs share its name"),
    (_imported_ops, "several ops of imported graphs share its name"),
]


@writes_gradients
@pytest.mark.parametrize("make, reason", NOT_SAVED, ids=[make.__name__.strip("_") for make, _ in NOT_SAVED])
def test_what_keeps_a_gradient_from_being_saved_is_named(functions, tmp_path, make, reason):
    w = tf.Variable(2.0)
    with pytest.raises(ValueError, match=reason), strict_saving():
        save(module_of(make(w), w=w), tmp_path / "strict")
    (warned,) = save(module_of(make(w), w=w), tmp_path / "warned")
    assert re.search(reason, warned)


def test_other_errors_are_as_they_are_under_strict_saving():
    with pytest.raises(KeyError, match="of another kind"), strict_saving():
        raise KeyError("of another kind")


@writes_gradients
def test_a_custom_gradient_beside_an_override_in_backward_is_warned_of(functions, tmp_path):
    @tf.custom_gradient
    def theirs(x):
        return x * 1.0, lambda dy: 7.0 * dy

    f = override_gradient(lambda x: x * x, lambda op, dy: theirs(programs.tenfold(dy)), name="both kinds")
    (warned,) = save(module_of(f), tmp_path / "both")
    assert "'both kinds': its second derivative is not saved: its backward calls a custom gradient that is no" in warned


@writes_gradients
def test_several_calls_of_an_override_are_one_warning(functions, tmp_path):
    f, _ = NOT_CARRIED["Python in backward"]
    assert len(save(module_of(lambda x: f(f(x)) + f(x)), tmp_path / "several")) == 1


@pytest.mark.slow
def test_a_model_that_two_replicas_have_trained_is_saved_with_its_gradient(functions, tmp_path):
    if not modes.IS_TF2:
        pytest.skip("TensorFlow 1 gives no tf.function back that it saved")
    run([sys.executable, replicas.__file__, str(tmp_path)], dict(os.environ, PYTHONPATH=ROOT), tmp_path)
    live = json.loads((tmp_path / "live.json").read_text())
    loaded = load_elsewhere(tmp_path, {"Keras, two replicas": [[[x] for x in X]]}, [])[0]["Keras, two replicas"]
    assert live["gradient"] != live["second"]
    for way, found in loaded.items():
        if WRITES and SaveOptions().experimental_custom_gradients:
            assert {key: found[key] for key in live} == live, way
        else:
            assert found["value"] == live["value"] and "compat_grad" in found["gradient"]["raised"], way
