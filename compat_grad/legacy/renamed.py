"""A map on an op type that TensorFlow has renamed means the new one, too.

Its gradient function is handed what the old op had: see `counts`. Knows nothing of maps.
"""

from compat_grad import _tf
from compat_grad.renamed import RENAMED


def with_new_names(mapping):
    """Return {op type: (what the mapping says, the type that the mapping names)}, the renamed types included."""
    meant = {op_type: (value, op_type) for op_type, value in mapping.items()}
    for op_type, value in mapping.items():
        for new in RENAMED[op_type].served if op_type in RENAMED else ():
            meant.setdefault(new, (value, op_type))
    return meant


def counts(op_type):
    """Return how many inputs and outputs an op type has, or None where that is not fixed or TensorFlow forgot it."""
    definition = _tf.op_definition(op_type)
    arguments = [] if definition is None else list(definition.input_arg) + list(definition.output_arg)
    if not arguments or any(argument.number_attr or argument.type_list_attr for argument in arguments):
        return None
    return len(definition.input_arg), len(definition.output_arg)
