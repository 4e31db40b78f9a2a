"""tf.vectorized_map: how an op says what becomes of it there.

Without that the parallel-for converter rebuilds an op without its gradient: silently the native one.
"""

from compat_grad._tf.lookup import first, tf

vectorized_map = getattr(tf, "vectorized_map", None)


def vectorize_with(op, convert):
    """Let tf.vectorized_map turn op into ``convert(inputs)``: tensors with a new first axis in, such outputs back.

    Without it the parallel-for converter rebuilds IdentityN without its gradient: silently the native one.
    """

    def converter(pfor_input):
        pfor_input.stack_inputs()
        wrap = first("tensorflow.python.ops.parallel_for.pfor.wrap")
        return [wrap(tensor, True) for tensor in convert([stacked.t for stacked in pfor_input.inputs])]

    op.pfor_converter = converter  # where TensorFlow's own ops put theirs


def vectorize_natively_and(op, tie):
    """Let tf.vectorized_map turn op into what it natively does, with its outputs ``tie(outputs, inputs)``."""

    def converter(pfor_input):
        native = first("tensorflow.python.ops.parallel_for.pfor._pfor_converter_registry").get(op.type)
        wrap = first("tensorflow.python.ops.parallel_for.pfor.wrap")
        if native is None:
            raise ValueError("tf.vectorized_map has no converter for the {} op {!r}".format(op.type, op.name))
        found = native(_OfPlainOp(pfor_input))
        found = list(found) if isinstance(found, (list, tuple)) and not hasattr(found, "is_stacked") else [found]
        pfor_input.stack_inputs()
        tied = tie([output.t for output in found], [stacked.t for stacked in pfor_input.inputs])
        return [wrap(tensor, True) for tensor in tied]

    op.pfor_converter = converter


class _OfPlainOp:
    """What a converter of TensorFlow's is handed, its op without the name of a gradient, which some refuse (to 2.4)."""

    def __init__(self, pfor_input):
        self._pfor_input = pfor_input
        self.op = _PlainOp(pfor_input.op)

    def __getattr__(self, name):
        return getattr(self._pfor_input, name)


class _PlainOp:
    def __init__(self, op):
        self._op = op
        self.node_def = type(op.node_def)()
        self.node_def.CopyFrom(op.node_def)
        self.node_def.attr.pop("_gradient_op_type", None)

    def __getattr__(self, name):
        return getattr(self._op, name)
