"""Saves a model that two replicas have trained, as a process of its own: logical devices are chosen once a process.

    python replicas.py folder

saves folder/"Keras, two replicas", and writes to folder/live.json what the model gives.
"""

import json
import os
import sys

import numpy as np
import tensorflow as tf

from tests.saving import bare, programs


def _model():
    x = tf.keras.Input([1])
    dense = tf.keras.layers.Dense(1, kernel_initializer="ones")
    return tf.keras.Model(x, programs.relus(programs.tenfold(dense(x))))


def main(folder):
    cpu = tf.config.experimental.list_physical_devices("CPU")[0]
    make = tf.config.experimental.VirtualDeviceConfiguration
    tf.config.experimental.set_virtual_device_configuration(cpu, [make(), make()])
    strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
    assert strategy.num_replicas_in_sync == 2
    with strategy.scope():
        model = _model()
        model.compile(tf.keras.optimizers.SGD(2.0**-10), "mae")
    x = np.float32([[number] for number in programs.X + [1.0]])
    model.fit(x, 0 * x, batch_size=4, verbose=0)
    tf.saved_model.save(model, os.path.join(folder, "Keras, two replicas"))
    with open(os.path.join(folder, "live.json"), "w") as file:
        json.dump(bare.outcomes(model, tf.constant(x[: len(programs.X)])), file)


if __name__ == "__main__":
    main(*sys.argv[1:])
