"""Train under a strategy of replicas; for `mirrored.py` and `workers.py`."""

import problem
import tensorflow as tf


def train(strategy, traced):
    """Train with each batch split over the replicas; return (losses, weights). traced: in a tf.function."""
    count = strategy.num_replicas_in_sync
    with strategy.scope():
        # The gradients are summed over the replicas, so each assigns the same.
        aggregation = tf.VariableAggregation.ONLY_FIRST_REPLICA
        parameters = [tf.Variable(array, aggregation=aggregation) for array in problem.initial()]

    def in_a_replica(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(problem.losses(parameters, x, y)) / problem.BATCH
        gradients = tape.gradient(loss, parameters)
        gradients = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        for parameter, gradient in zip(parameters, gradients):
            parameter.assign_sub(problem.RATE * gradient)
        return loss

    def step(x, y):
        return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(in_a_replica, args=(x, y)), axis=None)

    step = tf.function(step) if traced else step
    losses = []
    for batch in problem.batches():
        parts = [
            strategy.experimental_distribute_values_from_function(
                lambda context, array=array: tf.constant(array[context.replica_id_in_sync_group :: count])
            )
            for array in batch
        ]
        losses.append(step(*parts).numpy())
    return losses, [parameter.numpy() for parameter in parameters]
