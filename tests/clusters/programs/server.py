"""A task of a cluster that serves whoever asks, by TF_CONFIG, until it is killed: server.py PROTOCOL."""

import json
import os
import sys

import problem  # noqa: F401 (a server knows nothing of overrides; this one has them imported, as a user's would)
from problem import v1

config = json.loads(os.environ["TF_CONFIG"])
server = v1.train.Server(
    config["cluster"], config["task"]["type"], config["task"]["index"], protocol=sys.argv[1], start=True
)
server.join()
