"""Strategy ``custom_gradient``: TensorFlow's own decorator, with its own faults (wrong in forward mode, leaks graphs).

Knows nothing of arguments or structures, nor of what the product does.
"""

from compat_grad import _tf
from compat_grad._tf import tf
from compat_grad.strategies.order import gradients_after_reads
from compat_grad.strategies.unending import once


def connect(outputs, inputs, vjp):
    tied = []  # backward reads the overridden outputs, which exist only once tie has returned
    # stop_gradient: the decorator looks for variables behind its outputs, and forward's are dealt with already
    values = [tf.stop_gradient(output) for output in outputs]

    @_tf.custom_gradient
    @_tf.not_converted
    def tie(*inputs):
        @_tf.not_converted
        def backward(*gradients):
            with once(id(tied), vjp.name):
                return gradients_after_reads(vjp, list(inputs), tied, gradients, vjp.name)

        return values, backward

    tied.extend(tie(*inputs))
    if _tf.record_operation is None and not _tf.executing_eagerly():
        # Whoever asked for this strategy knows TensorFlow's faults; who got it for want of others shall not meet them.
        for op in {tensor.op for tensor in tied}:
            _tf.refuse_to_vectorize(op)
    if not _tf.executing_eagerly() and _tf.is_defun_body(_tf.get_default_graph()):
        return _tf.sealed(tied, vjp.name)
    return tied
