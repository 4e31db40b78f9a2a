"""The demo's classifier of handwritten digits, trained by a cluster of processes, one of them on each "machine".

    python cluster.py --workers 3

starts three workers here, on ports of 127.0.0.1, which train in step (tf.distribute.MultiWorkerMirroredStrategy): each
takes its share of every batch, and the gradients are summed. On machines of your own, start the same program once on
each, with TF_CONFIG set. The numbers are those of one worker, but for the order in which float32 numbers are summed.
The layer's gradient is an override, and nothing here says so: it holds in every replica. TensorFlow 2.4 and later; it
needs scikit-learn.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time

import numpy as np
import tensorflow as tf

from compat_grad.demo import data, model
from compat_grad.demo.train import LEARNING_RATE, MOMENTUM, batches, steps_an_epoch

BATCH = 60


def train(strategy, dataset, epochs):
    """Yield the mean loss of each epoch and the parameters after it."""
    count = strategy.num_replicas_in_sync
    start = model.initial_parameters(0, dataset.train_images.shape[1:])
    with strategy.scope():
        # Each replica assigns the same, since the gradients are summed over all.
        kind = {"aggregation": tf.VariableAggregation.ONLY_FIRST_REPLICA}
        parameters = [tf.Variable(array, **kind) for array in start]
        velocities = [tf.Variable(np.zeros_like(array), trainable=False, **kind) for array in start]

    def in_a_replica(images, labels):
        with tf.GradientTape() as tape:
            # A share's mean, by its part of the batch: the sum over the replicas is the mean of the whole batch.
            loss = model.loss(parameters, images, labels) * (tf.cast(tf.size(labels), tf.float32) / BATCH)
        gradients = tape.gradient(loss, parameters)
        gradients = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        for parameter, velocity, gradient in zip(parameters, velocities, gradients):
            velocity.assign(MOMENTUM * velocity - LEARNING_RATE * gradient)
            parameter.assign_add(velocity)
        return loss

    @tf.function
    def step(images, labels):
        return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(in_a_replica, args=(images, labels)), axis=None)

    def shares(array):
        return strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(array[context.replica_id_in_sync_group :: count])
        )

    an_epoch, losses = steps_an_epoch(len(dataset.train_labels), BATCH), []
    for chosen in batches(len(dataset.train_labels), BATCH, epochs, seed=0):
        images, labels = data.as_floats(dataset, dataset.train_images[chosen]), dataset.train_labels[chosen]
        losses.append(float(step(shares(images), shares(labels))))
        if len(losses) == an_epoch:
            yield np.mean(losses), [parameter.numpy() for parameter in parameters]
            losses = []


def work(epochs):
    """Be the worker that TF_CONFIG names; the first one tells how it goes."""
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    tells = json.loads(os.environ["TF_CONFIG"])["task"]["index"] == 0
    dataset = data.load_dataset(None, None)
    for epoch, (loss, parameters) in enumerate(train(strategy, dataset, epochs), start=1):
        if tells:
            print("epoch {}: loss {:.5f}".format(epoch, loss), flush=True)
        if tells and epoch == epochs:
            answers = model.logits(parameters, data.as_floats(dataset, dataset.test_images)).numpy().argmax(axis=1)
            right = np.mean(answers == dataset.test_labels)
            print("accuracy {:.3f} with {} workers".format(right, strategy.num_replicas_in_sync))


def start_workers(count):
    """Start this program once for each worker, wait for them, and end them all if one fails; return an exit code."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))  # some free port
    addresses = ["127.0.0.1:{}".format(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    processes = []
    try:
        for index in range(count):
            config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            environment = dict(os.environ, TF_CONFIG=json.dumps(config))
            processes.append(subprocess.Popen([sys.executable, *sys.argv], env=environment))
        while True:
            codes = [process.poll() for process in processes]
            if any(codes):
                return 1
            if None not in codes:
                return 0
            time.sleep(0.1)
    finally:
        for process in processes:
            process.kill()
            process.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2, help="how many to start, where TF_CONFIG is not set")
    parser.add_argument("--epochs", type=int, default=5)
    options = parser.parse_args()
    if "TF_CONFIG" in os.environ:
        work(options.epochs)
    else:
        sys.exit(start_workers(options.workers))
