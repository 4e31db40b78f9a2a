"""Overrides in clusters: real processes on 127.0.0.1, over TensorFlow's own ways to distribute (`tox -e clusters`)."""
