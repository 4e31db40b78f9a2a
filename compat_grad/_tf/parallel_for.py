"""tf.vectorized_map: what becomes there of an op with a gradient of its own.

TensorFlow's converters rebuild an op without its gradient: silently the native one.
"""

import functools

from compat_grad._tf.lookup import first, tf

vectorized_map = getattr(tf, "vectorized_map", None)
_converters = first("tensorflow.python.ops.parallel_for.pfor._pfor_converter_registry")
_wrap = first("tensorflow.python.ops.parallel_for.pfor.wrap")

#: Whether `have_vectorized_ops_tied` can be had.
vectorized_ops_can_be_tied = _converters is not None and _wrap is not None


def have_vectorized_ops_tied(how_to_tie):
    """Have tf.vectorized_map ask ``how_to_tie(op)`` of each op before it is converted.

    How to tie is None, or a function that is given what TensorFlow makes of the op: its outputs and its inputs, two
    lists of tensors with a new first axis. It returns the outputs to use instead. The converters are asked, and not
    the op (a `pfor_converter` set on it), because copies of an op have its attributes and nothing of the Python object:
    an imported GraphDef, a loaded SavedModel, a pruned function.
    """
    for op_type, native in list((_converters or {}).items()):
        _converters[op_type] = _tying(native, how_to_tie)


def _tying(native, how_to_tie):
    @functools.wraps(native)
    def convert(pfor_input):
        tie = how_to_tie(pfor_input.op)
        if tie is None:
            return native(pfor_input)
        found = _as_list(native(_OfPlainOp(pfor_input)))
        pfor_input.stack_inputs()
        if not all(output.is_stacked for output in found):  # of an op that passes on what is the same for all rows
            found = _as_list(native(_OfPlainOp(pfor_input)))
        tied = tie([output.t for output in found], [stacked.t for stacked in pfor_input.inputs])
        return [_wrap(tensor, True) for tensor in tied]

    return convert


def _as_list(wrapped):
    return list(wrapped) if isinstance(wrapped, (list, tuple)) and not hasattr(wrapped, "is_stacked") else [wrapped]


def refuse_to_vectorize(op):
    """Have tf.vectorized_map refuse op, where it cannot be told what else to do with it."""

    def converter(pfor_input):
        raise NotImplementedError(
            "compat_grad: this TensorFlow hides the converters of tf.vectorized_map, which would give the op {!r} its "
            "native gradient. Use tf.map_fn.".format(op.name)
        )

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
