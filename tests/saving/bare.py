"""Loads saved models in a process of its own and writes down what they and their tapes give.

    python bare.py folder where

For each folder/<name>, a SavedModel whose object has a function ``f`` of vectors (those named "Keras, ..." are loaded
in each way that Keras has, and trained for a step), with the input in folder/input.json. The process cannot import
compat_grad, and its results go to folder/bare.json: lists of numbers, or what was raised. Then the overrides are
defined again (compat_grad and tests are importable from `where`), some of the models loaded anew, and the results go
to folder/defined.json.
"""

import json
import os
import sys

import tensorflow as tf


def by_tape(f, *xs):
    with tf.GradientTape() as tape:
        for x in xs:
            tape.watch(x)
        y = f(*xs)
    return tape.gradient(y, list(xs))


def _second(f, *xs):
    return by_tape(lambda *xs: [gradient for gradient in by_tape(f, *xs) if gradient is not None], *xs)


#: Each gives a list: of the outputs, or one gradient for each input.
WAYS = {
    "value": lambda f, *xs: tf.nest.flatten(f(*xs)),
    "gradient": by_tape,
    "gradient, tape inside": lambda f, *xs: tf.function(lambda *xs: by_tape(f, *xs))(*xs),
    "gradient, tf.gradients inside": lambda f, *xs: tf.function(lambda *xs: tf.gradients(f(*xs), list(xs)))(*xs),
    "second": _second,
}


def function_of(model):
    """Return the function of one vector that a loaded object has: ours, that of an export, or its signature."""
    for name in ("f", "serve"):
        if hasattr(model, name):
            return getattr(model, name)
    signature = model.signatures["serving_default"]
    ((name, _),) = signature.structured_input_signature[1].items()

    def f(x):
        ((_, y),) = signature(**{name: x}).items()
        return y

    return f


def train(f, x):
    """Take a step of an optimizer that lessens the sum of f(x); return what the variables are then."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(f(x))
    variables = sorted(tape.watched_variables(), key=lambda variable: -len(variable.shape))
    gradients = tape.gradient(loss, variables)
    optimizer = tf.keras.optimizers.SGD(2.0**-10)
    if hasattr(optimizer, "build"):
        optimizer.build(variables)
    optimizer.apply_gradients(zip(gradients, variables))
    return [tf.concat([tf.reshape(variable, [-1]) for variable in variables], 0)]


#: what TFSMLayer loads, as whatever makes such a SavedModel -> the endpoint
ENDPOINTS = {
    "Keras, saved_model.save": "serving_default",
    "Keras, model.export": "serve",
    "Keras, ExportArchive": "serve",
    "Keras, two replicas": "serving_default",
}
_kept = []  # loaded objects, for their functions do not keep their variables


def _by_layer(path):
    layer = tf.keras.layers.TFSMLayer(path, call_endpoint=ENDPOINTS[os.path.basename(path)])
    return lambda x: tf.nest.flatten(layer(x))[0]


def _by_tensorflow(path):
    _kept.append(tf.saved_model.load(path))
    return function_of(_kept[-1])


def keras_ways(path):
    """Return {way of loading: function from a path to the model's function} for a Keras model's folder."""
    ways = {"tf.saved_model.load": _by_tensorflow}
    if hasattr(tf.keras.layers, "TFSMLayer") and os.path.basename(path) in ENDPOINTS:
        ways["TFSMLayer"] = _by_layer
    # Keras of 2.0 cannot load what it saves of a layer whose class it does not know
    if os.path.basename(path).startswith("Keras, model.save") and hasattr(tf.keras.layers, "experimental"):
        ways["load_model"] = tf.keras.models.load_model
    return ways


def outcomes(f, *xs):
    """Return {way: result} of `WAYS`."""
    return {way: outcome(WAYS[way], f, *xs) for way in WAYS}


def outcomes_of_keras(f, x):
    """Return the results of `WAYS` and of `train`, which comes last."""
    return dict(outcomes(f, x), trained=outcome(train, f, x))


def outcome(way, f, *xs):
    """Return a list of the numbers that a way gives, None where there is none, or the words of what it raises."""
    try:
        results = way(f, *xs)
    except Exception as error:
        words = []
        while error is not None:
            words.append("{}: {}".format(type(error).__name__, error))
            error = error.__cause__ or error.__context__
        return {"raised": "\n".join(words)}
    return [None if result is None else result.numpy().tolist() for result in results]


def prepare(path):
    """Have the gradients that were not saved found again."""
    import compat_grad
    from tests.saving import programs  # noqa: F401

    compat_grad.recall_gradients(path)


def results_of(path, inputs):
    """Return {way: result} of the model in a folder; of a Keras model {way of loading: that}."""
    if os.path.basename(path).startswith("Keras"):
        return {way: outcomes_of_keras(load(path), *inputs) for way, load in keras_ways(path).items()}
    model = tf.saved_model.load(path)
    return outcomes(function_of(model), *inputs)


def main(folder, where):
    if not hasattr(tf, "Session") and not tf.executing_eagerly():
        tf.compat.v1.enable_eager_execution()
    with open(os.path.join(folder, "input.json")) as file:
        given = json.load(file)

    def write(how, names):
        results = {}
        for name in names:
            path = os.path.join(folder, name)
            if how == "defined":
                prepare(path)
            results[name] = results_of(path, [tf.constant(x, tf.float32) for x in given["inputs"][name]])
        with open(os.path.join(folder, how + ".json"), "w") as file:
            json.dump(results, file)

    sys.modules["compat_grad"] = None  # which makes importing it an ImportError
    write("bare", sorted(given["inputs"]))
    del sys.modules["compat_grad"]
    sys.path[:0] = where.split(os.pathsep)
    write("defined", given["defined"])


if __name__ == "__main__":
    main(*sys.argv[1:])
