"""Which trainable variables a callable captured: read without being handed them.

Found in the way that each mode allows, always in the order of creation. Nothing is looked up by name before a
variable has been found, so the cost does not grow with the variables of the graph. Knows nothing of overrides.
"""

from compat_grad import _tf
from compat_grad._tf import tf

_VARIABLE_OPS = frozenset(("VariableV2", "Variable", "VarHandleOp", "TemporaryVariable"))
_READS = frozenset(("Identity", "ReadVariableOp"))
_PLUMBING = frozenset(("Enter", "RefEnter", "Switch", "RefSwitch"))  # how loops and branches get at what is outside


def call_and_watch(function, args, kwargs, inputs, mode):
    """Call function and find the trainable variables that it reads.

    Args:
      function, args, kwargs: the call.
      inputs: the tensors among the arguments; variables behind them are not captured.
      mode: the current mode.

    Returns:
      (the result, list of variables in the order of their creation)
    """
    if mode is _tf.GRAPH:
        graph = _tf.get_default_graph()
        newest = _tf.newest_operation_id(graph)
        result = function(*args, **kwargs)
        if not graph.get_collection_ref(_tf.trainable_variables_key):
            return result, []
        return result, _behind(result, inputs, newest, graph)
    with _tf.VariableReads() as reads:
        result = function(*args, **kwargs)
    return result, list(reads.watched_variables())


def _behind(result, inputs, newest, graph):
    """Walk back from result to the variables of a plain graph, not beyond inputs.

    Ops older than the call are followed only where they may be a variable's own read (reference variables are read
    once, when they are created): what somebody else read before the call is a captured tensor and no variable.
    """
    outside = {id(tensor) for tensor in inputs}
    pending = [(tensor, None) for leaf in _tf.nest.flatten(result) for tensor in _tensors_of(leaf)]
    seen, found = set(), []
    while pending:
        tensor, old_read = pending.pop()
        op = tensor.op
        if id(tensor) in outside or (op, old_read is None) in seen:
            continue
        seen.add((op, old_read is None))
        if op.type in _VARIABLE_OPS:
            found.append((op, old_read))
        elif op._id > newest or op.type in _PLUMBING:
            pending.extend((source, old_read) for source in op.inputs)
        elif op.type in _READS:
            pending.extend((source, old_read or tensor.name) for source in op.inputs)
    if not found:
        return []
    captured = [
        variable
        for variable in graph.get_collection(_tf.trainable_variables_key)
        for op, old_read in found
        if _tf.variable_op(variable) is op and (old_read is None or old_read in _tf.own_reads(variable))
    ]
    return sorted(_distinct(captured), key=lambda variable: _tf.variable_op(variable)._id)


def _tensors_of(leaf):
    if _tf.is_composite_type(type(leaf)):
        return _tf.composite_parts(leaf)[0]
    if _tf.is_variable_type(type(leaf)):
        return [tf.convert_to_tensor(leaf)]
    return [leaf] if _tf.is_tensor_type(type(leaf)) and not _tf.is_eager_tensor_type(type(leaf)) else []


def _distinct(variables):
    """Drop repeated variables (which compare by value in TensorFlow 2, hence not a set)."""
    return list({id(variable): variable for variable in variables}.values())
