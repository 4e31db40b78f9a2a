"""Strategy ``tape``: outputs <- inputs recorded on TensorFlow's tapes, with the backward function.

Knows nothing of arguments or structures, nor of what the product does.
"""

from compat_grad import _tf


def connect(outputs, inputs, vjp):
    # Fresh tensors, because an output may be an input, a captured tensor, or already known to a tape.
    tied = _tf.aliases(outputs)
    record(tied, inputs, vjp.input_gradients, vjp.name)
    return tied


def record(outputs, inputs, input_gradients, op_name, sources=None):
    """Tell tapes that outputs are made of inputs: of those at the positions in sources; of all that gradients have."""
    # Of the tensors whose dtype has no gradient a tape need not know; up to 1.13 it fails to make zeros of strings.
    flowing = _tf.flowing(outputs)
    sources = _tf.flowing(inputs) if sources is None else sources
    forward_mode = _tf.tangents_flow(inputs)

    def backward(*gradients):
        if len(gradients) < len(outputs):
            given = dict(zip(flowing, gradients))
            gradients = [given.get(index) for index in range(len(outputs))]
        of_inputs = input_gradients(inputs, outputs, gradients, op_name)
        if forward_mode:  # which differentiates backward, and knows no IndexedSlices there
            of_inputs = [_tf.dense(*pair) for pair in zip(of_inputs, inputs)]
        return of_inputs if len(sources) == len(inputs) else [of_inputs[position] for position in sources]

    if flowing and sources:
        made = outputs if len(flowing) == len(outputs) else [outputs[position] for position in flowing]
        of = inputs if len(sources) == len(inputs) else [inputs[position] for position in sources]
        _tf.record_operation("IdentityN", made, of, backward)
