"""Which trainable variables a callable captured: read without being handed them.

Found in the way that each mode allows, always in the order of creation. Nothing is looked up by name before a
variable has been found, so the cost does not grow with the variables of the graph. Knows nothing of overrides.
"""

import numpy as np

from compat_grad import _tf
from compat_grad._tf import tf

_VARIABLE_OPS = frozenset(("VariableV2", "Variable", "VarHandleOp", "TemporaryVariable"))
_READS = frozenset(("Identity", "ReadVariableOp"))
_PLUMBING = frozenset(("Enter", "RefEnter", "Switch", "RefSwitch"))  # how loops and branches get at what is outside


def call_and_watch(forward, inputs, mode):
    """Call forward and find the trainable variables that it reads.

    Args:
      forward: a function without arguments that returns (tensors, whatever else).
      inputs: the tensors that forward works on; variables behind them are not captured.
      mode: the current mode.

    Returns:
      (what forward returned, list of variables in the order of their creation)
    """
    if mode is _tf.EAGER:
        return watch(forward)
    graph = _tf.get_default_graph()
    newest = _tf.newest_operation_id(graph)
    result, watched = watch(forward) if mode is _tf.FUNCTION else (forward(), [])
    # Reference variables tell no watcher: in a function's body they are found as in a plain graph, by walking.
    outermost = _tf.outermost_graph(graph)
    behind = _behind(result[0], inputs, newest, graph, outermost) if _has_variables(outermost) else []
    if not behind:
        return result, watched
    return result, sorted(_distinct(watched + behind), key=lambda variable: _tf.variable_op(variable)._id)


def read_values(variables):
    """Return the value of each of variables as a tensor, and behind these the copies that `lasting_values` needs."""
    values = [tf.convert_to_tensor(variable) for variable in variables]
    return values + [_copy(value) for variable, value in zip(variables, values) if _assigned_in_place(variable)]


def lasting_values(variables, tensors):
    """Return of what `read_values` returned, for each of variables, the tensor that no assignment changes."""
    copies = iter(tensors[len(variables) :])
    return [next(copies) if _assigned_in_place(one) else value for one, value in zip(variables, tensors)]


def _assigned_in_place(variable):
    """Whether it is a reference variable: an assignment changes the tensors, too, that were read from it."""
    return variable.dtype != variable.dtype.base_dtype


def _copy(value):
    # An identity would share the buffer. Adding a negative zero changes nothing, negative and positive zeros included.
    return value + tf.constant(np.negative(np.zeros([], value.dtype.base_dtype.as_numpy_dtype)))


def _has_variables(graph):
    key = _tf.trainable_variables_key
    return key in graph.get_all_collection_keys() and bool(graph.get_collection_ref(key))  # the latter makes the key


def watch(forward):
    """Call forward; return what it returned, and the trainable variables that TensorFlow tells it to have read."""
    result, variables = _tf.told_of_reads(forward)
    return result, list(variables)


def _behind(outputs, inputs, newest, graph, outermost):
    """Walk back from outputs to the variables of the outermost graph, not beyond inputs.

    Ops older than the call are followed only where they may be a variable's own read (reference variables are read
    once, when they are created): what somebody else read before the call is a captured tensor and no variable.
    """
    outside = {id(tensor) for tensor in inputs}
    pending = [(tensor, None) for tensor in outputs if not _tf.is_eager_tensor_type(type(tensor))]
    seen, found = set(), []
    while pending:
        tensor, old_read = pending.pop()
        op = tensor.op
        if id(tensor) in outside or (op, old_read is None) in seen:
            continue
        seen.add((op, old_read is None))
        if op.type in _VARIABLE_OPS:
            found.append((op, old_read))
        elif (op.graph is graph and op._id > newest) or op.type in _PLUMBING:
            pending.extend((source, old_read) for source in op.inputs)
        elif op.type in _READS:
            pending.extend((source, old_read or tensor.name) for source in op.inputs)
        if op.type == "Placeholder":
            pending.extend((source, old_read) for source in _tf.captured_as(tensor))
    if not found:
        return []
    return [
        variable
        for variable in outermost.get_collection(_tf.trainable_variables_key)
        for op, old_read in found
        if _tf.variable_op(variable) is op and (old_read is None or old_read in _tf.own_reads(variable))
    ]


def _distinct(variables):
    """Drop repeated variables (which compare by value in TensorFlow 2, hence not a set)."""
    return list({id(variable): variable for variable in variables}.values())
