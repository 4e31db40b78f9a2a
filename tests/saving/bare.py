"""Loads saved models in a process of its own and writes down what they and their tapes give.

    python bare.py folder bare|defined

"bare" is a process that cannot import compat_grad, "defined" one in which the overrides are defined again. For each
folder/<name>, a SavedModel whose object has a function ``f`` of one vector (those named "Keras, ..." are loaded in
each way that Keras has, and trained for a step), with the input in folder/input.json; the
results go to folder/bare.json or folder/defined.json: lists of numbers, or what was raised.
"""

import json
import os
import sys

import tensorflow as tf


def by_tape(f, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    return tape.gradient(y, x)


WAYS = {
    "value": lambda f, x: f(x),
    "gradient": by_tape,
    "gradient, tape inside": lambda f, x: tf.function(lambda x: by_tape(f, x))(x),
    "gradient, tf.gradients inside": lambda f, x: tf.function(lambda x: tf.gradients(f(x), x)[0])(x),
    "second": lambda f, x: by_tape(lambda x: by_tape(f, x), x),
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
    return tf.concat([tf.reshape(variable, [-1]) for variable in variables], 0)


_kept = []  # loaded objects, for their functions do not keep their variables


def _by_layer(path):
    endpoint = "serve" if hasattr(tf.saved_model.load(path), "serve") else "serving_default"
    layer = tf.keras.layers.TFSMLayer(path, call_endpoint=endpoint)
    return lambda x: tf.nest.flatten(layer(x))[0]


def _by_tensorflow(path):
    _kept.append(tf.saved_model.load(path))
    return function_of(_kept[-1])


def keras_ways(path):
    """Return {way of loading: function from a path to the model's function} for a Keras model's folder."""
    ways = {"tf.saved_model.load": _by_tensorflow}
    if hasattr(tf.keras.layers, "TFSMLayer"):
        ways["TFSMLayer"] = _by_layer
    # Keras of 2.0 cannot load what it saves of a layer whose class it does not know
    if os.path.basename(path) == "Keras, model.save" and hasattr(tf.keras.layers, "experimental"):
        ways["load_model"] = tf.keras.models.load_model
    return ways


def outcomes_of_keras(f, x):
    """Return the results of `WAYS` and of `train`, which comes last."""
    results = {way: outcome(WAYS[way], f, x) for way in WAYS}
    return dict(results, trained=outcome(train, f, x))


def outcome(way, f, x):
    """Return the numbers that a way gives, or the words of what it raises."""
    try:
        result = way(f, x)
    except Exception as error:
        words = []
        while error is not None:
            words.append("{}: {}".format(type(error).__name__, error))
            error = error.__cause__ or error.__context__
        return {"raised": "\n".join(words)}
    return None if result is None else result.numpy().tolist()


def prepare(path):
    """Have the gradients that were not saved found again."""
    import compat_grad
    from tests.saving import programs  # noqa: F401

    compat_grad.recall_gradients(path)


def main(folder, how):
    if not hasattr(tf, "Session") and not tf.executing_eagerly():
        tf.compat.v1.enable_eager_execution()
    with open(os.path.join(folder, "input.json")) as file:
        x = tf.constant(json.load(file), tf.float32)
    results = {}
    for name in sorted(os.listdir(folder)):
        if os.path.isdir(os.path.join(folder, name)):
            path = os.path.join(folder, name)
            if how == "defined":
                prepare(path)
            if name.startswith("Keras"):
                results[name] = {way: outcomes_of_keras(load(path), x) for way, load in keras_ways(path).items()}
                continue
            model = tf.saved_model.load(path)
            results[name] = {way: outcome(WAYS[way], function_of(model), x) for way in WAYS}
    with open(os.path.join(folder, how + ".json"), "w") as file:
        json.dump(results, file)


if __name__ == "__main__":
    if sys.argv[2] == "bare":
        sys.modules["compat_grad"] = None  # which makes importing it an ImportError
    main(*sys.argv[1:])
