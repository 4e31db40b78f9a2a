"""tf.py_func and tf.numpy_function in eager mode, where TensorFlow calls the Python function and there is no op.

Knows nothing of gradients.
"""

import contextlib
import functools
import importlib

from compat_grad._tf.autograph import not_converted
from compat_grad._tf.lookup import first, tf
from compat_grad._tf.modes import executing_eagerly
from compat_grad._tf.op_callbacks import ExecutedOp
from compat_grad._tf.threads import Lock, this_thread

_py_func = first("tensorflow.python.ops.script_ops.py_func_common")
_script_ops = _py_func and importlib.import_module("tensorflow.python.ops.script_ops")

#: Whether this TensorFlow lets itself be asked of them.
tells_of_python_functions = _py_func is not None

_patching = Lock()
_told = []  # (thread, function, as_in_a_graph), of all threads


@contextlib.contextmanager
def told_of_python_functions(executed, as_in_a_graph):
    """Return the context in which this thread is told of each call of tf.py_func in eager mode.

    Args:
      executed: ``executed(op, outputs, None)`` of an `ExecutedOp` of type PyFunc (PyFuncStateless, if the call says
        so) and the list of its outputs, to be exchanged in place.
      as_in_a_graph: whether a call whose Tout is a list returns a list, also of one tensor.
    """
    if _py_func is None:
        yield
        return
    telling = this_thread(), executed, as_in_a_graph
    with _patching:
        _told.append(telling)
        _script_ops.py_func_common = _tell
    try:
        yield
    finally:
        with _patching:
            _told.remove(telling)
            if not _told:
                _script_ops.py_func_common = _py_func


@not_converted
@functools.wraps(_py_func or (lambda: None))
def _tell(func, inp, Tout, stateful=True, name=None):
    if not executing_eagerly():
        return _py_func(func, inp, Tout, stateful=stateful, name=name)
    inputs = [tf.convert_to_tensor(tensor) for tensor in inp]
    result = _py_func(func, inputs, Tout, stateful=stateful, name=name)
    outputs = list(result) if isinstance(result, (list, tuple)) else [result]
    if any(output is None for output in outputs):
        return result
    op = ExecutedOp("PyFunc" if stateful else "PyFuncStateless", inputs, ())
    as_list = isinstance(result, (list, tuple))
    for thread, executed, as_in_a_graph in list(_told):
        if thread is this_thread():
            executed(op, outputs, None)
            as_list = as_list or (as_in_a_graph and isinstance(Tout, (list, tuple)))
    return outputs if as_list else outputs[0]
