"""The catalogue, one small file for each family. A case is a few lines; see `compat_grad.testing.case.Case`.

In these files ``tf`` is the TensorFlow 1 API (``tf.compat.v1``), whose names exist in every version.
"""

import importlib

from compat_grad.testing.case import CATALOGUE

FAMILIES = (
    "sizes_and_signs",
    "straight_through",
    "rectifiers",
    "op_level",
    "safe_functions",
    "linear_algebra",
    "subgraphs",
    "host_functions",
    "arguments",
    "indexed_slices",
    "dtypes",
    "shapes_and_specials",
    "variables",
    "control_flow",
    "composition",
    "composites",
    "stateful",
)

for _family in FAMILIES:
    importlib.import_module("{}.{}".format(__name__, _family))

__all__ = ["CATALOGUE"]
