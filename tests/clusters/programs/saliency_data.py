"""Gradients by each example, computed inside a dataset's map, here or by the tf.data service's workers.

saliency_data.py map RESULT, or saliency_data.py service DISPATCHER_PORT RESULT, which is the dispatcher, too.
"""

import sys

import numpy as np
import problem
import tensorflow as tf

parameters = problem.initial()


def gradients(x, y):
    with tf.GradientTape() as tape:
        tape.watch(x)
        losses = problem.losses(parameters, x, y)
    return tf.reduce_mean(losses), tape.gradient(losses, x)


def elements(dataset):
    """Yield what the dataset holds, as arrays."""
    if tf.executing_eagerly():
        yield from ([tensor.numpy() for tensor in element] for element in dataset)
        return
    tensors = problem.v1.data.make_one_shot_iterator(dataset).get_next()
    with problem.v1.Session() as session:
        for _ in range(problem.STEPS):
            yield session.run(tensors)


dataset = tf.data.Dataset.from_tensor_slices(tuple(np.stack(arrays) for arrays in zip(*problem.batches())))
dataset = dataset.map(gradients, num_parallel_calls=2)
if sys.argv[1] == "service":
    service = tf.data.experimental.service
    if hasattr(service, "DispatcherConfig"):
        dispatcher = service.DispatchServer(service.DispatcherConfig(port=int(sys.argv[2])))
    else:
        dispatcher = service.DispatchServer(port=int(sys.argv[2]))
    dataset = dataset.apply(service.distribute("parallel_epochs", "grpc://127.0.0.1:" + sys.argv[2]))
found = list(elements(dataset))
problem.report([loss for loss, _ in found], [dx for _, dx in found])
