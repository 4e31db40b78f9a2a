"""A call inside tf.vectorized_map: the same vector-Jacobian product for each row.

Knows nothing of strategies or of what the product does.
"""

from compat_grad import _tf
from compat_grad._tf import tf


class VectorizedCall:
    """The vector-Jacobian product of a call whose tensors all have a new first axis."""

    def __init__(self, vjp):
        self._vjp = vjp
        self.name = vjp.name
        self.n_inputs = vjp.n_inputs

    def tell(self):
        return ""  # rows are for this process alone

    def input_gradients(self, inputs, outputs, output_gradients, op_name):
        """Return a gradient for each of inputs, None where it has none."""
        n_inputs, n_outputs = len(inputs), len(outputs)
        given = [index for index, gradient in enumerate(output_gradients) if gradient is not None]
        found = []  # positions of the inputs that have a gradient; known once a row has been traced

        @_tf.not_converted
        def row(tensors):
            gradients = [None] * n_outputs
            for index, gradient in zip(given, tensors[n_inputs + n_outputs :]):
                gradients[index] = gradient
            result = self._vjp.input_gradients(
                tensors[:n_inputs], tensors[n_inputs : n_inputs + n_outputs], gradients, op_name
            )
            found[:] = [index for index, gradient in enumerate(result) if gradient is not None]
            # without any gradient there still has to be something to stack
            return [_tf.dense(result[index], tensors[index]) for index in found] or [tf.constant(0)]

        dense = [_tf.dense(output_gradients[index], outputs[index]) for index in given]
        rows = _tf.vectorized_map(row, list(inputs) + list(outputs) + dense)
        gradients = [None] * n_inputs
        for index, gradient in zip(found, rows):
            gradients[index] = gradient
        return gradients


class LostCall:
    """In the place of a vector-Jacobian product that cannot be found any more: asking for it raises."""

    name = "lost"

    def __init__(self, message, n_inputs):
        self._message = message
        self.n_inputs = n_inputs

    def tell(self):
        return ""

    def input_gradients(self, inputs, outputs, output_gradients, op_name):
        raise LookupError(self._message)
