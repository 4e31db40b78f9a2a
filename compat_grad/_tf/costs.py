"""What it costs when a TensorFlow no longer has one of the private names that the seam looks up, for `info`.

A gradient is right without any of them, or refused in our words, unless it says otherwise here:
tests/seam/test_missing.py holds that for its programs.
"""

from compat_grad._tf.lookup import looked_up

_OLD = None  # of releases gone by: what came after it is looked up as well
_AUTOGRAPH = "Python's if and while over tensors in forward are refused in traced calls: tf.autograph.to_graph(forward)"
_TAPES = "eager calls go by tf.custom_gradient, which is slower; tf.vectorized_map over an override is refused"
_WATCHED = "the variables that forward reads are found by a tape of its own, which is slower"
_OLD_TAPES = "without a variable watcher (to 2.2) only: tf.GradientTape finds the variables that forward reads"
_OP_BY_OP = "op-level overrides trace all that they call eagerly; honor_override_maps refuses maps in eager mode"
_OWN_GRADIENTS = (
    "op by op, op-level overrides refuse tf.recompute_grad and the like; where forward cannot be traced, what that "
    "recomputes has TensorFlow's own gradient"
)
_TRACES = "op-level overrides refuse ops inside tf.functions that forward calls: call their python_function"
_BRANCHES = "op-level overrides refuse ops inside tf.cond and tf.while_loop"
_VECTORIZED = "tf.vectorized_map over an override is refused: tf.map_fn"
_STOPPED = "a call where all recording is stopped (tf.init_scope) is recorded like any other, which is slower"
_FREED = "an eager tape holds what forward computes between its inputs and its outputs"
_CHECKS = "tensors are recognised by their public classes, which is slower"
_PY_FUNCTIONS = 'op-level overrides and maps refuse "PyFunc" and "EagerPyFunc"'

_COSTS = {
    "_gradient_registry": "a gradient by its registered name is refused: pass the gradient function itself",
    "get": "op_def of an op is looked up in the graph's own op",
    "get_registered_ops": _OLD,
    "identity_n": "the public tf.identity_n takes its place",
    "_DefinedFunction": "op-level overrides do not look into Defuns of TensorFlow 1",
    "_FuncGraph": "the gradient of a Defun that calls an override is the native one, without a word",
    "Defun": "before 1.4 only: no graph has a pass-through op",
    "prevent_gradient": "before 1.4 only: a Defun's gradient is not forbidden",
    "tf_convert": _AUTOGRAPH,
    "control_status_ctx": _AUTOGRAPH,
    "ControlStatusCtx": _AUTOGRAPH,
    "Status": _AUTOGRAPH,
    "is_allowlisted": "tracing a call whose forward is a function of TensorFlow's own takes longer",
    "defun": _OLD,
    "in_eager_mode": _OLD,
    "GradientTape": _OLD,
    "record_operation": _TAPES,
    "stop_recording": _TAPES,
    "should_record_backprop": "more eager calls are recorded than a tape asks for",
    "TFE_Py_TapeSetIsEmpty": "every eager call is recorded, whether a tape listens or not",
    "TFE_Py_TapeStackIsEmpty": _OLD,
    "TFE_Py_TapeStackPushNew": _OLD,
    "TFE_Py_VariableWatcherNew": _WATCHED,
    "TFE_Py_VariableWatcherRemove": _WATCHED,
    "TFE_Py_VariableWatcherWatchedVariables": _WATCHED,
    "TFE_Py_TapeSetNew": _OLD_TAPES,
    "TFE_Py_TapeSetRemove": _OLD_TAPES,
    "TFE_Py_TapeStackPop": _OLD,
    "TFE_Py_TapeWatchedVariables": _OLD_TAPES,
    "push_new_tape": _OLD_TAPES,
    "TFE_Py_TapeSetStopOnThread": _STOPPED,
    "TFE_Py_TapeSetRestartOnThread": _STOPPED,
    "TFE_Py_TapeSetIsStopped": _STOPPED,
    "TFE_Py_TapeSetDeleteTrace": _FREED,
    "delete_trace": _OLD,
    "TFE_Py_UID": _FREED,
    "uid": _OLD,
    "TFE_Py_PackJVPs": "a call under tf.autodiff.ForwardAccumulator is recorded without being asked for",
    "identity": "the public tf.identity takes its place",
    "ConcreteFunction": _OLD,
    "GraphModeFunction": _OLD,
    "CapturingGraph": _OLD,
    "Function": _OLD,
    "context": _OP_BY_OP,
    "Context": _OP_BY_OP,
    "execute_with_callbacks": _OP_BY_OP,
    "TFE_Py_FastPathExecute": 'op by op, a gradient of "ReadVariableOp" does not reach reads within other ops',
    "pywrap_tfe": _OLD,
    "pywrap_tensorflow": _OLD,
    "_py_funcs": _PY_FUNCTIONS,
    "py_func_common": _PY_FUNCTIONS,
    "_eager_mode_decorator": _OWN_GRADIENTS,
    "EagerTensor": _CHECKS,
    "CompositeTensor": _CHECKS,
    "Tensor": "variables of distribution strategies and of Keras' mixed precision are not taken for tensors",
    "ops": _OLD,
    "ResourceVariable": _CHECKS,
    "BaseResourceVariable": _CHECKS,
    "PartitionedVariable": "partitioned variables of TensorFlow 1 are not taken for variables",
    "ShardedVariable": "partitioned variables of parameter servers are not taken for variables",
    "constant_value": "the public tf.get_static_value takes its place",
    "GraphOrParentsInXlaContext": "an op-level override must be traced anew, by another override, for jit_compile=True",
    "CondBranchFuncGraph": _BRANCHES,
    "WhileCondFuncGraph": _BRANCHES,
    "WhileBodyFuncGraph": _BRANCHES,
    "_default_graph_stack": "in a loop or branch, backward may not itself read variables of eager mode: op.variables",
    "save_context": _TRACES,
    "in_save_context": _TRACES,
    "_save_context": _TRACES,
    "VariablePolicy": _TRACES + ", in replicas of a strategy",
    "VariableHolder": "a function pruned from wrap_function loses its override once the original is gone",
    "get_func_graph": "SavedModels hold no gradient of overrides inside loops and branches",
    "_pfor_converter_registry": _VECTORIZED,
    "wrap": _VECTORIZED,
}


def missing():
    """Return {private name that cannot be found: what that costs}, without those that only older releases had."""
    return {name: _COSTS[name] for name, found in looked_up.items() if not found and _COSTS[name] is not None}
