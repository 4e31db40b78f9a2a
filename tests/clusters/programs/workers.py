"""One worker of MultiWorkerMirroredStrategy, by TF_CONFIG: workers.py COUNT RESULT."""

import sys

import problem
import replicas
import tensorflow as tf

strategy = tf.distribute.MultiWorkerMirroredStrategy()
assert strategy.num_replicas_in_sync == int(sys.argv[1])
problem.report(*replicas.train(strategy, traced=True))
