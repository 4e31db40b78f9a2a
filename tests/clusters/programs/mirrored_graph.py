"""MirroredStrategy over logical devices, in TensorFlow 1's graphs and sessions: mirrored_graph.py COUNT RESULT."""

import sys

import problem
import tensorflow as tf
from problem import v1

count = int(sys.argv[1])
strategy = tf.distribute.MirroredStrategy(["/cpu:{}".format(index) for index in range(count)])
assert strategy.num_replicas_in_sync == count
run = strategy.run if hasattr(strategy, "run") else strategy.experimental_run_v2


def in_a_replica():
    part = tf.distribute.get_replica_context().replica_id_in_sync_group
    loss = tf.reduce_sum(problem.losses(parameters, x[part::count], y[part::count])) / problem.BATCH
    with tf.control_dependencies([loss]):
        step = v1.train.GradientDescentOptimizer(problem.RATE).minimize(loss)
    with tf.control_dependencies([step]):
        return tf.identity(loss)


with tf.Graph().as_default(), strategy.scope():
    parameters = [v1.get_variable("parameter_{}".format(i), initializer=a) for i, a in enumerate(problem.initial())]
    x, y = v1.placeholder(tf.float32, [None, 4]), v1.placeholder(tf.float32, [None, 2])
    step = strategy.reduce(tf.distribute.ReduceOp.SUM, run(in_a_replica), axis=None)
    with v1.Session(config=v1.ConfigProto(device_count={"CPU": count})) as session:
        session.run(v1.global_variables_initializer())
        losses = [session.run(step, {x: batch[0], y: batch[1]}) for batch in problem.batches()]
        replicas = session.run([strategy.experimental_local_results(parameter) for parameter in parameters])
        for each in replicas:
            assert len(each) == count and all((weights == each[0]).all() for weights in each)
        problem.report(losses, [each[0] for each in replicas])
