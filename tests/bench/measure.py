"""Everything that can be measured in one process: plain graphs, then eager mode, then functions."""

import sys

import tensorflow as tf

from tests.bench import eager, functions, graphs, leaks, models, overhead, scale


def figures(effort):
    """Yield all figures of this process's TensorFlow but that of the import."""
    with tf.Graph().as_default():
        yield from graphs.figures(effort)
        yield from leaks.of_graphs(effort)
    with _eager_mode():
        yield from overhead.of_eager_mode(effort)
        yield from eager.figures(effort)
        if hasattr(tf, "function"):
            yield from overhead.of_functions(effort)
            yield from functions.figures(effort)
            yield from leaks.of_traces(effort)


def overheads(effort):
    """Yield what an override adds, as a part of what tf.custom_gradient adds."""
    with tf.Graph().as_default():
        yield from graphs.overheads(effort)
    with _eager_mode():
        yield from overhead.of_eager_mode(effort)
        if hasattr(tf, "function"):
            yield from overhead.of_functions(effort)


def of_models(effort):
    """Yield the figures of the training steps of whole models."""
    with tf.Graph().as_default():
        yield from models.figures(models.GRAPH, effort)
    with _eager_mode():
        if hasattr(tf, "function"):
            yield from models.figures(models.FUNCTION, effort)
            if functions.jit_option():
                yield from models.figures(models.JIT, effort)
        yield from models.figures(models.EAGER, effort)
        if hasattr(tf.keras.Model, "train_step"):  # from 2.2 on fit runs the step that it has in a tf.function
            yield from models.figures(models.FIT, effort)


def of_scale(effort):
    """Yield the figures of much of everything: arguments, stacked calls, overrides."""
    with _eager_mode():
        yield from scale.of_wide_calls(effort)
        if hasattr(tf, "function"):
            yield from scale.of_stacked_calls(effort)
        yield from scale.of_objects(effort)  # the last: what is kept is more for the garbage collector to look through


def _eager_mode():
    # Not tf.enable_eager_execution, which TensorFlow 1 allows before anything else only, and after which it has no
    # tf.gradients before 1.13.
    from tensorflow.python.eager import context

    return context.eager_mode()


def environment():
    """Return what the figures were measured on."""
    return {"tensorflow": tf.__version__, "python": "{}.{}".format(*sys.version_info)}
