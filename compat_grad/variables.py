"""Which trainable variables a callable captured: read without being handed them.

Found in the way that each mode allows, always in the order of creation. Nothing is looked up by name before a
variable has been found, so the cost does not grow with the variables of the graph. Knows nothing of overrides.
"""

from compat_grad import _tf
from compat_grad._tf import tf

_VARIABLE_OPS = frozenset(("VariableV2", "Variable", "VarHandleOp", "TemporaryVariable"))
# What stands between a variable and its use: at ops older than the call, only these are followed.
_READS = frozenset(("Identity", "ReadVariableOp", "Enter", "RefEnter", "Switch", "RefSwitch"))


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
        return result, _behind(result, inputs, newest, graph)
    with _tf.VariableReads() as reads:
        result = function(*args, **kwargs)
    return result, reads.watched_variables()


def _behind(result, inputs, newest, graph):
    """Walk back from result to the variables of a plain graph, not beyond inputs."""
    outside = set(id(tensor) for tensor in inputs)
    pending = [leaf for leaf in _tf.nest.flatten(result)]
    pending = [part for leaf in pending for part in _tensors_of(leaf)]
    seen, found = set(), set()
    while pending:
        tensor = pending.pop()
        op = tensor.op
        if id(tensor) in outside or op in seen:
            continue
        if op.type in _VARIABLE_OPS:
            found.add(op)
        elif op._id > newest or op.type in _READS:
            pending.extend(op.inputs)
        else:
            continue
        seen.add(op)
    if not found:
        return []
    trainable = graph.get_collection(_tf.trainable_variables_key)
    hits = [variable for variable in trainable if _tf.variable_op(variable) in found]
    return sorted(hits, key=lambda variable: _tf.variable_op(variable)._id)


def _tensors_of(leaf):
    if _tf.is_composite_type(type(leaf)):
        return _tf.composite_parts(leaf)[0]
    if _tf.is_variable_type(type(leaf)):
        return [tf.convert_to_tensor(leaf)]
    return [leaf] if _tf.is_symbolic(leaf) else []
