"""Loads saved models in a process of its own and writes down what they and their tapes give.

    python bare.py folder bare|defined

"bare" is a process that cannot import compat_grad, "defined" one in which the overrides are defined again. For each
folder/<name>, a SavedModel whose object has a function ``f`` of one vector, with the input in folder/input.json; the
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
            if how == "defined":
                prepare(os.path.join(folder, name))
            model = tf.saved_model.load(os.path.join(folder, name))
            results[name] = {way: outcome(WAYS[way], function_of(model), x) for way in WAYS}
    with open(os.path.join(folder, how + ".json"), "w") as file:
        json.dump(results, file)


if __name__ == "__main__":
    if sys.argv[2] == "bare":
        sys.modules["compat_grad"] = None  # which makes importing it an ImportError
    main(*sys.argv[1:])
