"""TensorFlow 1's way: one graph over two tasks, an override's own ops on both: two_tasks.py TARGET RESULT."""

import sys

import problem
import tensorflow as tf
from problem import v1

from compat_grad import override_gradient

TASKS = ["/job:worker/task:0", "/job:worker/task:1"]


def split_projection(x, w):
    half = int(w.shape[1]) // 2
    parts = []
    for task, columns in zip(TASKS, (w[:, :half], w[:, half:])):
        with tf.device(task):
            parts.append(tf.matmul(x, columns))
    with tf.device(TASKS[1]):
        return tf.concat(parts, 1)


def split_rectifier(x):
    with tf.device(TASKS[1]):
        y = tf.nn.relu(x)
    with tf.device(TASKS[0]):
        return y * 1.5


project = override_gradient(split_projection, problem.project.backward)
rectify = override_gradient(split_rectifier, problem.rectify.backward)

with tf.Graph().as_default():
    parameters = []
    for task, array in zip(TASKS, problem.initial()):
        with tf.device(task):
            parameters.append(v1.get_variable("parameter_{}".format(task[-1]), initializer=array))
    x, y = v1.placeholder(tf.float32, [None, 4]), v1.placeholder(tf.float32, [None, 2])
    loss = tf.reduce_sum(problem.losses(parameters, x, y, project, rectify)) / problem.BATCH
    optimizer = v1.train.GradientDescentOptimizer(problem.RATE)
    step = optimizer.apply_gradients(optimizer.compute_gradients(loss, parameters))
    with v1.Session(sys.argv[1]) as session:
        session.run(v1.global_variables_initializer())
        losses = []
        for batch in problem.batches():
            losses.append(session.run([loss, step], {x: batch[0], y: batch[1]})[0])
        metadata = v1.RunMetadata()
        options = v1.RunOptions(trace_level=v1.RunOptions.FULL_TRACE)
        session.run(loss, {x: batch[0], y: batch[1]}, options=options, run_metadata=metadata)
        used = {stats.device.split("/device")[0].replace("/replica:0", "") for stats in metadata.step_stats.dev_stats}
        assert used >= set(TASKS), used
        problem.report(losses, session.run(parameters))
