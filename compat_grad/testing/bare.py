"""The process that loads SavedModels where compat_grad cannot be imported, and differentiates them.

`loaded` starts a copy of this file, which therefore imports nothing of ours, and writes the path of a folder on a line
for each model. In the folder there are ``model``, a SavedModel with a function ``f0``, ``f1``, ... of the inputs and a
list ``variables0``, ... for each case; and ``cases``, the pickled list of what each is called with and of the weights
of its derivatives. The results go to ``results`` there, pickled: for each case {order: [array or None]}, up to the
first order that raises, with what it and its causes say under "raised".
"""

import os
import pickle
import sys

import tensorflow as tf


def by_tape(f, at, weights):
    """Return (outputs of f, gradients of their sum weighted so), as the modes' differentiate does."""
    with tf.GradientTape() as tape:
        for x in at:
            tape.watch(x)
        outputs = f(*at)
        terms = [
            tf.reduce_sum(y * w.astype(y.dtype.as_numpy_dtype))
            for y, w in zip(outputs, weights)
            if w is not None and y.dtype.is_floating
        ]
        target = tf.add_n(terms)
    return outputs, [dense(gradient, x) for gradient, x in zip(tape.gradient(target, at), at)]


def dense(gradient, like):
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    return tf.convert_to_tensor(tf.IndexedSlices(gradient.values, gradient.indices, tf.shape(like)))


def orders_of(function, variables, case):
    """Return {order: function that computes it} of a case, the lowest first."""
    own = iter(variables)
    at = [next(own) if array is None else tf.constant(array) for array in case["at"]]
    given = []  # which of them have a gradient

    def f(*at):
        return list(function(*[x for x, array in zip(at, case["at"]) if array is not None]))

    def gradients():
        _, found = by_tape(f, at, case["weights"])
        given[:] = [gradient is not None for gradient in found]
        return found

    def second():
        weights = [weight for weight, has in zip(case["gradient_weights"], given) if has]
        return by_tape(first, at, [part for weight in weights for part in parts_of_array(weight)])[1]

    def first(*at):
        _, found = by_tape(f, at, case["weights"])
        return [part for gradient in found if gradient is not None for part in parts_of_tensor(gradient)]

    orders = {"value": lambda: f(*at), "first": gradients}
    if case["has_second"]:
        orders["second"] = second
    return orders


def parts_of_array(array):
    return [array.real, array.imag] if array.dtype.kind == "c" else [array]


def parts_of_tensor(tensor):
    return [tf.math.real(tensor), tf.math.imag(tensor)] if tensor.dtype.is_complex else [tensor]


def run(function, variables, case):
    """Return {order: [array or None]} of a case, and what the next order raised."""
    results = {}
    for order, compute in orders_of(function, variables, case).items():
        try:
            results[order] = [None if tensor is None else tensor.numpy() for tensor in compute()]
        except Exception as error:  # whatever it is, the other process judges
            return dict(results, raised=words_of(error))
    return results


def words_of(error):
    """Return the list of what an error and its causes say."""
    words = []
    while error is not None:
        words.append("{}: {}".format(type(error).__name__, error))
        error = error.__cause__ or error.__context__
    return words


def serve(folder):
    """Load the model in a folder and write the results of its cases there."""
    model = tf.saved_model.load(os.path.join(folder, "model"))
    with open(os.path.join(folder, "cases"), "rb") as file:
        cases = pickle.load(file)
    results = [
        run(getattr(model, "f{}".format(index)), getattr(model, "variables{}".format(index)), case) if case else None
        for index, case in enumerate(cases)
    ]
    with open(os.path.join(folder, "results"), "wb") as file:
        pickle.dump(results, file)


def main():
    """Serve until there are no more folders, and answer each with its path once it is done."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what else is printed is no answer
    for line in sys.stdin:
        serve(line.rstrip("\n"))
        answers.write(line)
        answers.flush()


if __name__ == "__main__":
    # which makes importing it an ImportError
    sys.modules["compat_grad"] = None  # type: ignore[assignment]
    main()
