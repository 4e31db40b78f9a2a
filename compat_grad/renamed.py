"""The op types that TensorFlow's functions make where they once made others: what a map on an old type means now.

Data alone: it must know nothing of TensorFlow, of maps, or of source code. The types were looked at in 1.15, 2.0, 2.4
and 2.22.
"""

import collections

Renamed = collections.namedtuple("Renamed", "served met made_by same")
Renamed.__doc__ = """What has taken an op type's place.

served: the types that the old one's gradient serves, given as many inputs and outputs as the old one had; met: the type
that a person must be told of, if any, and made_by: what makes it; same: whether that is the same op, made by the same
code alone, with as many inputs and outputs.
"""


def _renamed(*served, met=None, made_by=None, same=False):
    return Renamed(served, met, made_by, same)


#: The old type -> what took its place, or has come beside it.
RENAMED = {
    "Add": _renamed("AddV2", met="AddV2", made_by="`x + y` from 1.14 on and tf.add from 2.5 on or before", same=True),
    "Select": _renamed("SelectV2", met="SelectV2", made_by="tf.where from 2.0 on", same=True),
    "BatchMatMul": _renamed(
        "BatchMatMulV2", "BatchMatMulV3", met="BatchMatMulV2", made_by="tf.matmul of batches from 1.14 on", same=True
    ),
    "BatchMatMulV2": _renamed("BatchMatMulV3"),
    "MatrixDiag": _renamed(met="MatrixDiagV3", made_by="tf.linalg.diag from 2.2 on or before"),
    "FusedBatchNorm": _renamed(
        "FusedBatchNormV2",
        "FusedBatchNormV3",
        met="FusedBatchNormV3",
        made_by="tf.nn.fused_batch_norm from 1.14 on or before",
    ),
    "FusedBatchNormV2": _renamed("FusedBatchNormV3"),
    "Gather": _renamed("GatherV2"),  # tf.gather
    "QuantizeAndDequantizeV2": _renamed("QuantizeAndDequantizeV4"),  # tf.quantization.quantize_and_dequantize_v2
    "TopK": _renamed("TopKV2"),  # tf.nn.top_k
    "Reverse": _renamed(met="ReverseV2", made_by="tf.reverse"),
    "SelfAdjointEig": _renamed(met="SelfAdjointEigV2", made_by="tf.linalg.eigh"),
    "Div": _renamed(met="RealDiv", made_by="`x / y` and tf.divide"),
    "Mod": _renamed(met="FloorMod", made_by="`x % y` and tf.math.mod"),
}
