"""MetaGraphs of overrides. As a script: imports them in this process, before and after the overrides are defined again.

    python metagraphs.py folder

The results go to folder/undefined.json and folder/defined.json: for each graph the value, the gradient and the gradient
of its sum, or what was raised; and likewise to folder/forked.json for two graphs in one, of which a fork
exported the second.
"""

import functools
import json
import os
import sys

import numpy as np
import tensorflow as tf

v1 = getattr(getattr(tf, "compat", None), "v1", tf)
X = np.array([0.5, -1.25, 3.0], np.float32)


def _captured_backward(op, dy, variables):
    return dy * 5.0 * variables[0], [dy * 7.0 * op.inputs[0]]


def define():
    """Return {name of a graph: function of x and a variable}, of overrides that are defined anew."""
    from compat_grad import override_gradient

    tenfold = override_gradient(
        lambda x: 2.0 * x, lambda op, dy: dy * 10.0 * op.inputs[0] * op.outputs[0], name="mg_ten"
    )
    scaled = override_gradient(_scaled, _scaled_backward, name="mg_scaled")
    surrogate = override_gradient(tf.sign, surrogate=lambda x: 2.0 * x * x, name="mg_surrogate")
    relus = override_gradient(lambda x: tf.nn.relu(x) * x, {"Relu": _relu_backward}, name="mg_relus")
    untold = override_gradient(_scaled, _scaled_backward, name="mg_untold")

    again = override_gradient(tf.nn.relu, lambda op, dy: op.native_gradient(dy), name="mg_again")
    inside = override_gradient(lambda x: again(x) * x, {"Relu": _relu_backward}, name="mg_around")
    formula = override_gradient(
        lambda x: x * x, lambda op, dy: dy * tf.stop_gradient(tf.nn.relu(op.inputs[0])), name="mg_formula"
    )
    around = override_gradient(lambda x: formula(tf.nn.relu(x)), {"Relu": _relu_backward}, name="mg_around_formula")

    def captures(x, w):
        return override_gradient(lambda x: x * w, _captured_backward, name="mg_captures")(x)

    captures.keep = override_gradient(lambda x: x, _captured_backward, name="mg_captures")
    return {
        "one": lambda x, w: tenfold(x),
        "two": lambda x, w: tenfold(tenfold(x)) + tenfold(x),
        "plain": lambda x, w: scaled(x, 3.0, table={"a": [x, 2], "b": "five"}) + scaled(x, scale=0.5, table=None),
        "surrogate": lambda x, w: surrogate(x),
        "by op": lambda x, w: relus(x),
        "captured": captures,
        "again inside": lambda x, w: inside(x),
        "formula inside": lambda x, w: around(x),
        "untold": lambda x, w: untold(x, 3.0, table=complex(1.0)),
    }


def _double(x):
    return 2.0 * x


def _scaled(x, scale, table=None):
    return scale * x


def _scaled_backward(op, dy):
    table = op.kwargs.get("table")
    gradient = dy * 5.0 * (op.args[1] if len(op.args) > 1 else op.kwargs["scale"]) * op.inputs[0]
    if not isinstance(table, dict):
        return gradient
    return gradient, None if table["b"] == "five" and table["a"][1] == 2 else dy


def _relu_backward(op, dy):
    return dy * 7.0 * op.inputs[0]


def build(f):
    """Build f in the default graph; return its x and y."""
    x = v1.placeholder(tf.float32, [3], name="x")
    v1.get_variable("another", initializer=1.0)  # which is looked at before w, and passed over
    w = v1.get_variable("w", initializer=np.array([4.0, 2.0, 1.0], np.float32))
    return x, tf.identity(f(x, w), name="y")


def outcome(x, y, restore):
    """Return the value and the gradients of y, or what is raised."""
    with v1.Session() as session:
        restore(session)
        results = {"value": session.run(y, {x: X}).tolist()}
        try:
            targets = [x] + v1.trainable_variables()
            first = v1.gradients(y, targets)
            (second,) = v1.gradients(first[0], [x])
            found = session.run([g for g in first + [second] if g is not None], {x: X})
            results["gradients"] = [gradient.tolist() for gradient in found]
        except LookupError as error:
            words = []
            while error is not None:
                words.append(str(error))
                error = error.__cause__ or error.__context__
            results["raised"] = "\n".join(words)
        return results


def export(folder):
    """Write a MetaGraph for each function; return what they give here."""
    here = {}
    for name, f in define().items():
        with tf.Graph().as_default():
            x, y = build(f)
            saver = v1.train.Saver()
            path = os.path.join(folder, name.replace(" ", "_"))

            def initialize(session, saver=saver, path=path):
                session.run(v1.global_variables_initializer())
                saver.save(session, path)

            here[name] = outcome(x, y, initialize)
    return here


def import_all(folder):
    """Return {name: outcome} of the MetaGraphs in folder."""
    results = {}
    for file in sorted(os.listdir(folder)):
        if file.endswith(".meta"):
            path = os.path.join(folder, file[: -len(".meta")])
            with tf.Graph().as_default() as graph:
                saver = v1.train.import_meta_graph(path + ".meta")
                x, y = graph.get_tensor_by_name("x:0"), graph.get_tensor_by_name("y:0")
                restore = functools.partial(saver.restore, save_path=path)
                results[file[: -len(".meta")].replace("_", " ")] = outcome(x, y, restore)
    return results


def forked(name):
    """Return the override of the process of that name, made anew: of "parent" or of "fork"."""
    from compat_grad import override_gradient

    factor = {"parent": 5.0, "fork": 7.0}[name]
    return override_gradient(lambda x: 2.0 * x, lambda op, dy: dy * factor * op.inputs[0], name="mg_in_" + name)


def export_across_a_fork(folder):
    """Have this process and a fork of it, which goes on with its counters, export a call each."""
    child = os.fork()
    name = "parent" if child else "fork"
    f = forked(name)
    with tf.Graph().as_default():
        x = v1.placeholder(tf.float32, [3], name="x")
        tf.identity(f(x), name="y")
        v1.train.export_meta_graph(os.path.join(folder, name))
    if not child:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    return f


def import_both(folder):
    """Return what the sum of the parent's call and the fork's gives when they are imported into one graph."""
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [3])
        ends = []
        for name in ("parent", "fork"):
            v1.train.import_meta_graph(os.path.join(folder, name), import_scope=name, input_map={"x:0": x})
            ends.append(graph.get_tensor_by_name(name + "/y:0"))
        return outcome(x, tf.add_n(ends), lambda session: None)


def main(folder):
    def write(name, results):
        with open(os.path.join(folder, name + ".json"), "w") as file:
            json.dump(results, file)

    kept = [export_across_a_fork(folder)]  # before TensorFlow has threads
    forks = {"undefined": import_both(folder)}
    kept.append(forked("fork"))
    forks["defined"] = import_both(folder)
    write("forked", forks)
    write("undefined", import_all(folder))
    kept.append(define())
    write("defined", import_all(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
