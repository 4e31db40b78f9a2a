"""MirroredStrategy over logical devices: mirrored.py COUNT eager|function RESULT."""

import sys

import problem
import replicas
import tensorflow as tf

count = int(sys.argv[1])
tf.config.experimental.set_virtual_device_configuration(
    tf.config.experimental.list_physical_devices("CPU")[0],
    [tf.config.experimental.VirtualDeviceConfiguration() for _ in range(count)],
)
strategy = tf.distribute.MirroredStrategy(["/cpu:{}".format(index) for index in range(count)])
assert strategy.num_replicas_in_sync == count
problem.report(*replicas.train(strategy, traced=sys.argv[2] == "function"))
