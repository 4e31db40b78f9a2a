"""The four ways to connect outputs to inputs with a vector-Jacobian product of one's own; `table` picks.

Each strategy gets ``outputs`` and ``inputs`` (flat lists of tensors) and a ``vjp`` with a ``name`` and
``input_gradients(inputs, outputs, output_gradients, op_name)``, and its ``connect`` returns the outputs tied to the
inputs. They promise the same numbers, and must know nothing of arguments, structures, Keras or each other.
"""
