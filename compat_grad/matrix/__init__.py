"""A test matrix over real TensorFlows for somebody's own project, written as a tox.ini, a workflow or a noxfile.

Promises that what it writes installs: each TensorFlow with the Python that it was made for and the pins that its
release forgot. It must know nothing of TensorFlow as it runs, nor load it: a newcomer has none of these yet.
"""
