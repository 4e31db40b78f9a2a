"""The op types that TensorFlow's functions build where they once built others: a map on the old name means them, too.

The types were looked at in 1.15, 2.0 and 2.22; a gradient function is handed what the old op had, see `counts`. Knows
nothing of maps.
"""

from compat_grad import _tf

#: The old type -> those that took its place.
RENAMED = {
    "Add": ("AddV2",),  # x + y; tf.add from 2.2 on
    "BatchMatMul": ("BatchMatMulV2", "BatchMatMulV3"),  # tf.matmul of more than two dimensions
    "BatchMatMulV2": ("BatchMatMulV3",),
    "FusedBatchNorm": ("FusedBatchNormV2", "FusedBatchNormV3"),  # tf.nn.fused_batch_norm
    "FusedBatchNormV2": ("FusedBatchNormV3",),
    "Gather": ("GatherV2",),  # tf.gather
    "QuantizeAndDequantizeV2": ("QuantizeAndDequantizeV4",),  # tf.quantization.quantize_and_dequantize_v2
    "Select": ("SelectV2",),  # tf.where
    "TopK": ("TopKV2",),  # tf.nn.top_k
}


def with_new_names(mapping):
    """Return {op type: (what the mapping says, the type that the mapping names)}, the renamed types included."""
    meant = {op_type: (value, op_type) for op_type, value in mapping.items()}
    for op_type, value in mapping.items():
        for new in RENAMED.get(op_type, ()):
            meant.setdefault(new, (value, op_type))
    return meant


def counts(op_type):
    """Return how many inputs and outputs an op type has, or None where that is not fixed or TensorFlow forgot it."""
    definition = _tf.op_definition(op_type)
    arguments = [] if definition is None else list(definition.input_arg) + list(definition.output_arg)
    if not arguments or any(argument.number_attr or argument.type_list_attr for argument in arguments):
        return None
    return len(definition.input_arg), len(definition.output_arg)
