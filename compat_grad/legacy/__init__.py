"""Programs of TensorFlow 1 as they stand: the override maps that they enter are honored, or told of where ignored.

Promises: a map holds for what is computed under it in every mode, as it did in a graph, or there is an error.
It must know nothing of how such programs are found or rewritten, and of `override_gradient` only what ops need.
"""
