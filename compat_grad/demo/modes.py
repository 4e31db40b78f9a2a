"""The modes: what is different between graph and session, eager, and tf.function. Nothing else of the demo is.

Each mode turns the model into a `Program` of two functions with NumPy arrays on both sides. Which of them the running
TensorFlow has is found out by asking for its features.
"""

import collections
import contextlib
import functools

import tensorflow as tf

from compat_grad import available_strategies
from compat_grad._tf import GradientTape, executing_eagerly, v1
from compat_grad.demo import model

#: loss_and_gradients(parameters, images, labels) -> loss, [arrays]; logits(parameters, images) -> array
Program = collections.namedtuple("Program", "loss_and_gradients logits strategy")


def strategy_picked():
    """The strategy that `strategy="auto"` picks, here and now: the first of those which can be had."""
    return next(iter(available_strategies()))


@contextlib.contextmanager
def graph_program(parameters, image_shape):
    """Graph and session: placeholders, tf.gradients, Session.run."""
    with tf.Graph().as_default() as graph:
        held = [v1.placeholder(tf.float32, array.shape) for array in parameters]
        images = v1.placeholder(tf.float32, (None,) + tuple(image_shape))
        labels = v1.placeholder(tf.int32, [None])
        scores = model.logits(held, images)
        loss = model.loss(held, images, labels)
        gradients = v1.gradients(loss, held)
        strategy = strategy_picked()
    with v1.Session(graph=graph) as session:

        def feed(arrays):
            return dict(zip(held + [images, labels], arrays))

        yield Program(
            lambda now, x, y: session.run((loss, gradients), feed(list(now) + [x, y])),
            lambda now, x: session.run(scores, feed(list(now) + [x])),
            strategy,
        )


def differentiate(parameters, images, labels):
    """The loss and its gradients by a tape: eager as it is, or with the tape inside of a tf.function."""
    with GradientTape() as tape:
        for parameter in parameters:
            tape.watch(parameter)
        loss = model.loss(parameters, images, labels)
    return loss, tape.gradient(loss, parameters)


def tape_program(compiled):
    """A Program of tensor functions, each of them first passed through `compiled`."""
    step, scores = compiled(differentiate), compiled(model.logits)

    def loss_and_gradients(parameters, images, labels):
        loss, gradients = step([tf.constant(array) for array in parameters], tf.constant(images), tf.constant(labels))
        return loss.numpy(), [gradient.numpy() for gradient in gradients]

    def logits(parameters, images):
        return scores([tf.constant(array) for array in parameters], tf.constant(images)).numpy()

    return loss_and_gradients, logits


@contextlib.contextmanager
def eager_program(parameters, image_shape):
    """Eager execution."""
    yield Program(*tape_program(lambda function: function), strategy=strategy_picked())


@contextlib.contextmanager
def function_program(parameters, image_shape):
    """tf.function, compiled with the tape inside, as a training step usually is."""
    picked = []

    @functools.partial(tf.function, autograph=False)
    def ask():
        picked.append(strategy_picked())
        return tf.constant(0)

    ask()
    yield Program(*tape_program(tf.function), strategy=picked[0])


def gradient_in(mode, function, point):
    """The gradient of a scalar function of one tensor at this array, in this mode: an array."""
    if mode == "graph":
        with tf.Graph().as_default() as graph:
            held = v1.placeholder(tf.float32, point.shape)
            gradients = v1.gradients(function(held), [held])
        with v1.Session(graph=graph) as session:
            return session.run(gradients, {held: point})[0]

    def differentiated(held):
        with GradientTape() as tape:
            tape.watch(held)
            value = function(held)
        return tape.gradient(value, held)

    return (tf.function(differentiated) if mode == "tf.function" else differentiated)(tf.constant(point)).numpy()


PROGRAMS = {"graph": graph_program, "eager": eager_program, "tf.function": function_program}


def enable_eager(wanted):
    """Switch eager execution on, if one of the `wanted` modes needs it and it is not too late.

    With None wanted, if that leaves more than one mode: 1.7 (no public tape yet) refuses tf.gradients afterwards.
    """
    needed = hasattr(tf, "GradientTape") if wanted is None else wanted != ["graph"]
    if needed and can_enable_eager():
        try:
            # Without asking whether it is enabled already: on 1.7 to 1.12 the question alone makes it too late.
            v1.enable_eager_execution()
        except ValueError:  # something has used the default graph already
            pass


def can_enable_eager():
    """Whether this TensorFlow has eager execution, with a tape, to be enabled at a program's start."""
    return hasattr(v1, "enable_eager_execution") and GradientTape is not None


def missing_modes():
    """Why the modes that cannot be had here and now cannot: {name: reason}."""
    missing = {}
    if graph_gradients_refused():
        missing["graph"] = (
            "this TensorFlow refuses tf.gradients where eager execution is enabled (--modes graph does not)"
        )
    if not executing_eagerly():
        missing["eager"] = missing["tf.function"] = (
            "eager execution is not enabled (--modes eager does it, at a process's start)"
            if can_enable_eager()
            else "this TensorFlow has no tf.enable_eager_execution"
        )
    if not hasattr(tf, "function"):
        missing["tf.function"] = "this TensorFlow has no tf.function"
    return missing


def graph_gradients_refused():
    """Whether tf.gradients raises in any graph, as 1.7 and 1.8 do under eager execution."""
    try:
        with tf.Graph().as_default():
            one = tf.constant(1.0)
            v1.gradients(one, [one])
    except RuntimeError:
        return True
    return False
