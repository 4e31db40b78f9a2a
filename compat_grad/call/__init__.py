"""The parts of a call, from the arguments to the gradients that a backward returned.

Each room does one step and knows nothing of the others' business; `compat_grad.override` puts them in order. None
must know strategies' inner life, op-level overrides, Keras layers or TensorFlow's versions.
"""
