"""A worker of the tf.data service, until it is killed: data_worker.py DISPATCHER_PORT."""

import sys

import tensorflow as tf

service = tf.data.experimental.service
dispatcher = "127.0.0.1:" + sys.argv[1]
if hasattr(service, "WorkerConfig"):
    worker = service.WorkerServer(service.WorkerConfig(dispatcher_address=dispatcher))
else:
    worker = service.WorkerServer(port=0, dispatcher_address=dispatcher)
worker.join()
