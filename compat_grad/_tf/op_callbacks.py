"""TensorFlow's op callbacks: being told of each op that this thread executes eagerly or builds, right after it.

Of what is built from 2.1 on; before (from 1.7 on), of what is executed alone. Of that we are told with the list that
holds its outputs, which may be exchanged in place, and before anybody else sees them. Knows nothing of gradients.
"""

import contextlib
import functools
import importlib

from compat_grad._tf.lookup import first, tf
from compat_grad._tf.registry import op_definition, text
from compat_grad._tf.tensors import is_variable_type
from compat_grad._tf.threads import Lock, ThisThread

_context = first("tensorflow.python.eager.context.context")
_Context = first("tensorflow.python.eager.context.Context")
_execute = first("tensorflow.python.eager.execute.execute_with_callbacks") and importlib.import_module(
    "tensorflow.python.eager.execute"
)

#: Whether this TensorFlow tells of each op.
has_op_callbacks = None not in (_context, _execute) and hasattr(_Context, "add_op_callback")

#: Whether this TensorFlow tells of each op that it executes, at least.
tells_of_executed_ops = has_op_callbacks or (
    None not in (_context, _execute)
    and hasattr(_Context, "add_post_execution_callback")
    and hasattr(_execute, "quick_execute")
    and hasattr(tf, "executing_eagerly")  # not 1.6, whose own record may come after ours, and holds (of a Select)
)


class _Telling:
    """What TensorFlow calls after each op of this thread, and of the replicas' that it starts."""

    def __init__(self, executed, built, reads=False):
        self._executed = executed
        self._built = built
        self.reads = reads  # of variables, too, that TensorFlow would do within the op that takes one
        self._busy = False
        self._thread = ThisThread()

    def __call__(self, op_type, inputs, attributes, outputs, op_name=None, graph=None):
        if not self.is_for_us():  # pragma: no cover (2.0)
            return None
        if graph is None:
            self.tell(op_type, inputs, attributes, outputs, None)
            return None
        return self._built(outputs[0].op) if outputs else None

    def is_for_us(self):
        # on 2.0 the callbacks are those of all threads
        return self._thread.is_current() or (has_op_callbacks and self._thread.has_started_current())

    def is_heard(self):
        """Whether the thread at hand tells us of its ops."""
        return self in _context().op_callbacks if has_op_callbacks else self._thread.is_current()

    def tell(self, op_type, inputs, attributes, outputs, recorded_inputs):
        if self._busy:  # an op that was executed for the one we are just told of
            return
        self._busy = True
        try:
            self._executed(ExecutedOp(text(op_type), inputs, attributes), outputs, recorded_inputs)
        finally:
            self._busy = False


_patching = Lock()
_tellings = []  # of all threads, for as long as one of them is told


@contextlib.contextmanager
def told_of_built_ops(built):
    """Return the context in which this thread is told of each op in a graph, before a tape is: ``built(op)``.

    What that returns takes the place of the op's outputs, unless it is None. In the context: a function which tells
    whether the thread at hand is told, as those are, too, that this one starts for replicas.
    """

    def tell(op_type, inputs, attributes, outputs, op_name=None, graph=None):
        return built(outputs[0].op) if graph is not None and outputs else None

    if not has_op_callbacks:
        yield ThisThread().is_current
        return
    context = _context()
    context.add_op_callback(tell)
    try:
        yield lambda: tell in context.op_callbacks
    finally:
        context.remove_op_callback(tell)


@contextlib.contextmanager
def told_of_ops(executed, built, reads=False):
    """Return the context in which this thread is told of each op; in it: what tells whether the one at hand is.

    Args:
      executed: ``executed(op, outputs, recorded_inputs)`` of an `ExecutedOp`: a list of its outputs, to be exchanged in
        place; and the list of inputs that TensorFlow will record its own gradient with next, or None where it has.
      built: ``built(op)`` of an op in a graph, which no tape has seen yet; it returns what takes the place of the op's
        outputs, or None.
      reads: whether to be told of reads of variables, too, that ops which are executed do within.
    """
    telling = _Telling(executed, built, reads)
    context = _context()
    with _patching:  # TensorFlow's own add_op_callback exchanges this as well, and the first thread to end puts it back
        _tellings.append(telling)
        _execute.execute = _execute_and_tell
        if reads and _ops_in_c is not None:
            _ops_in_c.TFE_Py_FastPathExecute = _read_and_execute
    if has_op_callbacks:
        context.add_op_callback(telling)
    else:
        context.add_post_execution_callback(telling)
    try:
        yield telling.is_heard
    finally:
        if has_op_callbacks:
            context.remove_op_callback(telling)
        else:
            context.post_execution_callbacks.remove(telling)
        with _patching:
            _tellings.remove(telling)
            if not _tellings:
                _execute.execute = _execute.quick_execute
            if reads and _ops_in_c is not None and not any(other.reads for other in _tellings):
                _ops_in_c.TFE_Py_FastPathExecute = _execute_in_c


def _execute_and_tell(op_name, num_outputs, inputs, attrs, ctx, name=None):
    """What executes the ops that the fast way in C++ does not know, and functions; their record comes afterwards."""
    outputs = _execute.quick_execute(op_name, num_outputs, inputs, attrs, ctx, name)
    given = tuple(inputs)  # which who is told may exchange, and others are told after him
    for callback in ctx.op_callbacks if has_op_callbacks else ctx.post_execution_callbacks:
        if isinstance(callback, _Telling):
            if callback.is_for_us():  # pragma: no branch (2.0)
                callback.tell(op_name, given, attrs, outputs, inputs)
        else:
            callback(op_name, given, attrs, outputs, name)
    return outputs


_execute_in_c = first(
    "tensorflow.python.pywrap_tfe.TFE_Py_FastPathExecute",
    "tensorflow.python.pywrap_tensorflow.TFE_Py_FastPathExecute",
)
_ops_in_c = _execute_in_c and (first("tensorflow.python.pywrap_tfe") or first("tensorflow.python.pywrap_tensorflow"))


def _read_and_execute(*arguments):
    """What executes most ops, in C++, where nobody is told of reads of variables among the inputs: we read before."""
    if any(telling.reads and telling.is_for_us() for telling in list(_tellings)):
        arguments = [_read(argument) for argument in arguments]
    return _execute_in_c(*arguments)


def _read(argument):
    if isinstance(argument, (list, tuple)):
        return [_read(item) for item in argument]
    return tf.convert_to_tensor(argument) if is_variable_type(type(argument)) else argument


@functools.lru_cache(maxsize=None)
def identity_is_executed():
    """Whether tf.identity is an op in eager mode (on 2.0 it is none), of which we are told."""
    types = []
    with told_of_ops(lambda op, outputs, recorded_inputs: types.append(op.type), lambda op: None):
        tf.identity(tf.constant(0.0))
    return "Identity" in types


class ExecutedOp:
    """An op that was executed eagerly, as far as it is like a ``tf.Operation``."""

    def __init__(self, op_type, inputs, attributes):
        self.type = self.name = op_type
        self.inputs = inputs
        self._attributes = attributes  # names and values in turns

    def get_attr(self, name):
        """Return the value of an attribute as ``tf.Operation.get_attr`` does; ValueError for no attribute."""
        definition = op_definition(self.type)
        found = [attribute for attribute in definition.attr if attribute.name == name] if definition else []
        if not found:
            raise ValueError("The op type {!r} has no attribute {!r}.".format(self.type, name))
        names = self._attributes[::2]
        if name in names:
            return _as_of_a_graph(found[0].type, self._attributes[2 * names.index(name) + 1])
        if found[0].HasField("default_value"):
            return _as_of_a_graph(found[0].type, _value(found[0].default_value))
        for argument, tensor in zip(definition.input_arg, self.inputs):
            if argument.type_attr == name:
                return tensor.dtype
        raise ValueError("The eager {} op does not tell its attribute {!r}.".format(self.type, name))

    def called_functions(self):
        """Return the names of the functions that the op calls."""
        if is_executed_function(self.type):
            return [self.type]
        definition = op_definition(self.type)
        kinds = {attribute.name: attribute.type for attribute in definition.attr if "func" in attribute.type}
        if not kinds:
            PLAIN_OP_TYPES.add(self.type)
        return [
            text(getattr(value, "name", value))
            for name, value in zip(self._attributes[::2], self._attributes[1::2])
            if kinds.get(name) == "func"
        ]

    def __getattr__(self, name):
        raise AttributeError(
            "The {} op was executed eagerly, op by op: it is in no graph and has no {!r}, but inputs, outputs, type, "
            "name and get_attr(...).".format(self.__dict__.get("type"), name)
        )

    def __repr__(self):
        return "<eager {} op>".format(self.type)


def _as_of_a_graph(kind, value):
    if kind.startswith("list("):
        return [_as_of_a_graph(kind[len("list(") : -1], item) for item in value]
    if kind == "type":
        return tf.as_dtype(value)
    if kind == "shape":
        return tf.TensorShape(value)
    if kind == "string" and isinstance(value, str):
        return value.encode()
    return value


def _value(attribute):
    """Return what an AttrValue holds."""
    kind = attribute.WhichOneof("value")
    if kind != "list":
        return getattr(attribute, kind)
    return next((list(items) for _, items in attribute.list.ListFields()), [])


#: The op types that were found to call no functions.
PLAIN_OP_TYPES = set()


def is_executed_function(name):
    """Whether eager mode knows a function of this name."""
    context = _context()
    if not hasattr(context, "has_function"):  # to 1.13
        return op_definition(name) is None
    return bool(context.has_function(name))


def executed_function(name):
    """Return the FunctionDef of a function that eager mode knows, or None where TensorFlow does not tell (to 2.3)."""
    get_definition = getattr(_context(), "get_function_def", None)
    return None if get_definition is None else get_definition(name)


_py_functions = first("tensorflow.python.ops.script_ops._py_funcs")


def wrap_py_function(op, wrap):
    """Exchange the Python function of a tf.py_function that was built just now, which nobody else has, by wrap(it)."""
    owner = getattr(_py_functions, "_funcs", {}).get(text(op.get_attr("token")))
    if not callable(getattr(owner, "_func", None)):  # pragma: no cover (a TensorFlow that hides it)
        raise RuntimeError("this TensorFlow hides the Python function of tf.py_function; call it outside of forward")
    owner._func = wrap(owner._func)
