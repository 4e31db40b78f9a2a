"""An op-level override whose forward waits for the other replica, ops beside it: waiting.py eager|function RESULT.

The replicas' threads share one list of op callbacks, and take turns in the middle of forward.
"""

import sys

import problem
import tensorflow as tf

from compat_grad import override_gradient

tf.config.experimental.set_virtual_device_configuration(
    tf.config.experimental.list_physical_devices("CPU")[0],
    [tf.config.experimental.VirtualDeviceConfiguration() for _ in range(2)],
)
strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])


def forward(x):
    y = tf.nn.relu(x)
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, y) + y


tenfold = override_gradient(forward, {"Relu": lambda op, dy: 10.0 * dy})


def in_a_replica(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.nn.relu(x) + tenfold(x) + 100.0 * tf.nn.relu(x)
    return tape.gradient(y, x)


x = tf.constant([1.0, 2.0])
run = tf.function(strategy.run) if sys.argv[1] == "function" else strategy.run
problem.report([], [tensor.numpy() for tensor in strategy.experimental_local_results(run(in_a_replica, args=(x,)))])
