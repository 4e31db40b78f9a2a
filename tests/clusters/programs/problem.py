"""The training that every cluster does: two matrices, one override of a function and one of an op's type, plain SGD.

Both backwards are far from the native gradients, so where an override is lost the weights come out visibly others.
"""

import json
import sys

import numpy as np
import tensorflow as tf

from compat_grad import override_gradient

v1 = getattr(tf, "compat", tf).v1
STEPS, BATCH, RATE = 6, 12, 0.1


def _unequal(op, dy):
    x, w = op.inputs
    return 0.5 * tf.matmul(dy, w, transpose_b=True), 2.0 * tf.matmul(x, dy, transpose_a=True)


def _soft(op, dy):
    return dy * tf.tanh(op.outputs[0])


project = override_gradient(tf.matmul, _unequal, name="project")
rectify = override_gradient(lambda x: tf.nn.relu(x) * 1.5, {"Relu": _soft}, name="rectify")


def initial():
    """The parameters' first values."""
    random = np.random.RandomState(0)
    return [random.normal(scale=0.5, size=size).astype(np.float32) for size in ((4, 8), (8, 2))]


def batches():
    """(x [12, 4], y [12, 2]) of each step."""
    random = np.random.RandomState(1)
    for _ in range(STEPS):
        x = random.normal(size=(BATCH, 4))
        y = np.stack([np.sin(x[:, 0]), np.cos(x[:, 1] * x[:, 2])], 1)
        yield x.astype(np.float32), y.astype(np.float32)


def losses(parameters, x, y, project=project, rectify=rectify):
    """Each example's loss, [n]."""
    first, second = parameters
    return tf.reduce_sum(tf.square(tf.matmul(rectify(project(x, first)), second) - y), 1)


def native_losses(parameters, x, y):
    """The same without overrides."""
    return losses(parameters, x, y, project.forward, rectify.forward)


def on_one_device(losses=losses):
    """Train in a graph on one device; return {"losses": [..], "weights": [..]} as lists."""
    parameters, found = initial(), []
    with tf.Graph().as_default(), v1.Session() as session:
        held = [v1.placeholder(tf.float32, array.shape) for array in parameters]
        x, y = v1.placeholder(tf.float32, [BATCH, 4]), v1.placeholder(tf.float32, [BATCH, 2])
        loss = tf.reduce_sum(losses(held, x, y)) / BATCH
        gradients = tf.gradients(loss, held)
        for batch in batches():
            feed = dict(zip([*held, x, y], [*parameters, *batch]))
            value, changes = session.run([loss, gradients], feed)
            found.append(value)
            parameters = [array - np.float32(RATE) * change for array, change in zip(parameters, changes)]
    return as_lists(found, parameters)


def as_lists(losses, weights):
    return {"losses": [float(loss) for loss in losses], "weights": [np.asarray(array).tolist() for array in weights]}


def report(losses, weights):
    """Write what a process found to the file that its last argument names."""
    with open(sys.argv[-1], "w", encoding="utf-8") as file:
        json.dump(as_lists(losses, weights), file)
