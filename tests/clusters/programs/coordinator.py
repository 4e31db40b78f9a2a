"""The coordinator of ParameterServerStrategy, by TF_CONFIG, with two workers and a server: coordinator.py RESULT."""

import problem
import tensorflow as tf

WORKERS = 2

distribute = tf.distribute
Strategy = getattr(distribute, "ParameterServerStrategy", None) or distribute.experimental.ParameterServerStrategy
coordinators = getattr(distribute, "coordinator", None) or distribute.experimental.coordinator
strategy = Strategy(distribute.cluster_resolver.TFConfigClusterResolver())
coordinator = coordinators.ClusterCoordinator(strategy)

with strategy.scope():
    parameters = [tf.Variable(array) for array in problem.initial()]
    sums = [tf.Variable(tf.zeros_like(array), trainable=False) for array in problem.initial()]
assert "ps" in parameters[0].device


@tf.function
def add_gradients(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(problem.losses(parameters, x, y)) / problem.BATCH
    for total, gradient in zip(sums, tape.gradient(loss, parameters)):
        total.assign_add(gradient)
    return loss


@tf.function
def descend():
    for parameter, total in zip(parameters, sums):
        parameter.assign_sub(problem.RATE * total)
        total.assign(tf.zeros_like(total))


losses = []
for x, y in problem.batches():
    # Asynchronous by nature; waiting for both parts of the batch makes it one step.
    parts = [coordinator.schedule(add_gradients, args=(x[part::WORKERS], y[part::WORKERS])) for part in range(WORKERS)]
    coordinator.join()
    coordinator.schedule(descend)
    coordinator.join()
    losses.append(sum(part.fetch() for part in parts))
problem.report(losses, [parameter.numpy() for parameter in parameters])
