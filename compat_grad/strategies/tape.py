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
    if not flowing or not sources:
        return

    def backward(*gradients):
        return input_gradients(inputs, outputs, gradients, op_name)

    if _tf.tangents_flow(inputs):
        backward = _dense(backward, inputs)
    made, of = outputs, inputs
    if len(flowing) < len(outputs):
        backward, made = _of_some_outputs(backward, flowing, len(outputs)), [outputs[index] for index in flowing]
    if len(sources) < len(inputs):
        backward, of = _for_some_inputs(backward, sources), [inputs[index] for index in sources]
    _tf.record_operation("IdentityN", made, of, backward)


def _dense(backward, inputs):
    """For forward mode, which differentiates backward, and knows no IndexedSlices there."""
    return lambda *gradients: [_tf.dense(*pair) for pair in zip(backward(*gradients), inputs)]


def _of_some_outputs(backward, positions, n_outputs):
    def of_some(*gradients):
        given = dict(zip(positions, gradients))
        return backward(*[given.get(index) for index in range(n_outputs)])

    return of_some


def _for_some_inputs(backward, positions):
    def for_some(*gradients):
        of_inputs = backward(*gradients)
        return [of_inputs[index] for index in positions]

    return for_some
