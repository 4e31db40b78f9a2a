"""Data-parallel training with DTensor over two logical devices: mesh.py eager|function RESULT."""

import sys

import problem
import tensorflow as tf
from tensorflow.experimental import dtensor

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
mesh = dtensor.create_mesh([("batch", 2)], devices=["CPU:0", "CPU:1"])
whole = dtensor.Layout.replicated(mesh, rank=2)
split = dtensor.Layout(["batch", dtensor.UNSHARDED], mesh)
parameters = [dtensor.DVariable(dtensor.copy_to_mesh(tf.constant(array), whole)) for array in problem.initial()]


def step(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(problem.losses(parameters, x, y)) / problem.BATCH
    for parameter, gradient in zip(parameters, tape.gradient(loss, parameters)):
        parameter.assign_sub(problem.RATE * gradient)
    return loss


step = tf.function(step) if sys.argv[1] == "function" else step
losses = []
with getattr(dtensor, "default_mesh", dtensor.run_on)(mesh):
    for batch in problem.batches():
        parts = [dtensor.relayout(dtensor.copy_to_mesh(tf.constant(array), whole), split) for array in batch]
        assert dtensor.fetch_layout(problem.project(parts[0], parameters[0])) == split  # of half the rows on each
        losses.append(step(*parts).numpy())
    problem.report(losses, [parameter.numpy() for parameter in parameters])
