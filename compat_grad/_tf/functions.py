"""Functions traced by TensorFlow: making and calling one, and the functions that an op calls."""

import contextlib
import functools

from compat_grad._tf.autograph import _autograph_status, not_converted
from compat_grad._tf.lookup import first, tf, v1
from compat_grad._tf.modes import executing_eagerly, get_default_graph
from compat_grad._tf.own_identities import is_left_native, node_is_left_native
from compat_grad._tf.registry import gradient_name, text
from compat_grad._tf.tapes import GradientTape, alias, record_operation
from compat_grad._tf.tensors import dense, differentiable
from compat_grad._tf.threads import Lock


def new_function(python_function):
    """Return python_function traced into graphs of its own at its calls, where there is eager mode."""
    make = (
        getattr(tf, "function", None)
        or first("tensorflow.python.eager.function.defun")
        or first("tensorflow.contrib.eager.defun")
    )
    # On 1.14 AutoGraph would convert our code as well.
    if functions_nest and _autograph_status is None:  # pragma: no cover (1.14)
        return make(python_function, autograph=False)
    return make(python_function)


#: Whether the gradients of functions hold inside other functions.
functions_nest = hasattr(tf, "function")

#: Whether two threads may not call one function at once (to 1.14): the second finds a gradient that is half made.
functions_are_for_one_thread = not functions_nest or hasattr(
    first("tensorflow.python.eager.function.ConcreteFunction"), "_construct_backprop_function"
)

_functions_run_eagerly = first(
    "tensorflow.config.functions_run_eagerly", "tensorflow.config.experimental_functions_run_eagerly"
) or (lambda: False)


def call_traced(function, tensors):
    """Call what `new_function` returned, traced also where the user has TensorFlow run its functions eagerly.

    Unless `functions_nest`, it is a function that returns a list of tensors.
    """
    if _functions_run_eagerly():
        return function.get_concrete_function(*tensors)(*tensors)
    results = function(*tensors)
    return results if functions_nest else _with_dense_gradients(results)


@functools.lru_cache(maxsize=None)
def functions_need_a_gradient():
    """Whether a traced function that gives none of its inputs a gradient breaks the tape around it.

    On 1.15: "Invalid tape state", where such an input was computed, or read from a variable. Asked in eager mode, where
    `functions_nest`.
    """
    without = new_function(not_converted(lambda x: tf.stop_gradient(x)))
    with GradientTape() as tape:
        x = tf.constant(1.0)
        tape.watch(x)
        y = 2.0 * call_traced(without, [3.0 * x])
    try:
        tape.gradient(y, x)
    except tf.errors.InternalError:
        return True
    return False


def trace(function, tensors):
    """Trace what `new_function` returned for such tensors, if it is not yet; return the graph."""
    return function.get_concrete_function(*tensors).graph


class _NewVariables:
    """The variables that are created in a trace, which lack their values if it does not come to its end."""

    def __init__(self):
        self._made = []

    def creator(self, next_creator, **kwargs):
        variable = next_creator(**kwargs)
        self._made.append((variable, kwargs.get("initial_value")))
        return variable

    def initialize(self):
        """Give those their initial values that have none and can be had: not what is made of an argument."""
        for variable, value in self._made:
            if hasattr(variable, "is_initialized") and not variable.is_initialized():
                value = value() if callable(value) else value
                if hasattr(value, "graph") and not hasattr(value, "numpy"):  # made in the trace
                    try:
                        with v1.Session(graph=value.graph) as session:
                            value = session.run(value)
                    except tf.errors.InvalidArgumentError:  # made of an argument
                        continue
                variable.assign(value)


@contextlib.contextmanager
def new_variables():
    """Yield what remembers the variables that are created in this context."""
    made = _NewVariables()
    with tf.variable_creator_scope(made.creator):
        yield made


def _with_dense_gradients(results):
    """Return the tensors that a function from before tf.function returned, so that it is never given IndexedSlices.

    As gradients of its outputs it takes none: some versions raise, 1.10 and 1.11 compute nonsense or crash.
    """
    return [_with_dense_gradient(result) for result in results]


def _with_dense_gradient(result):
    if record_operation is None or not differentiable(result):
        return result
    same = alias(result)
    record_operation("Identity", [same], [result], lambda gradient: [dense(gradient)])
    return same


_in_xla_context = first("tensorflow.python.ops.control_flow_util.GraphOrParentsInXlaContext")


def compiled_by_xla():
    """Whether what is being traced is for XLA: loops are built otherwise there, with room for all their iterations."""
    return _in_xla_context is not None and not executing_eagerly() and _in_xla_context(get_default_graph())


_CONTROL_FLOW_BODIES = tuple(
    cls
    for cls in (
        first(
            "tensorflow.python.ops.control_flow_v2_func_graphs." + name,
            "tensorflow.python.ops.control_flow_util_v2." + name,  # 1.14
        )
        for name in ("CondBranchFuncGraph", "WhileCondFuncGraph", "WhileBodyFuncGraph")
    )
    if cls is not None
)


def is_control_flow_body(graph):
    """Whether graph is the body of a loop or branch, which nobody else calls."""
    return isinstance(graph, _CONTROL_FLOW_BODIES)


@contextlib.contextmanager
def shown_operations(graph, function):
    """Have ``function(op)`` called for each operation added to graph, and to those nested in it, in this context.

    It is called as a device function and has to return ``op.device``.
    """
    with _building_alone(graph), graph.device(function):
        yield


def _building_alone(graph):
    """Return a context for one thread of those that build in graph: device functions are a stack, which they share."""
    if getattr(graph, "_stack_state_is_thread_local", False):  # in TensorFlow 2, but for disable_v2_behavior
        return contextlib.ExitStack()
    with _making_lock:
        if not hasattr(graph, "_compat_grad_lock"):
            graph._compat_grad_lock = Lock()
    return graph._compat_grad_lock


_making_lock = Lock()


def called_functions(op):
    """Return the names of the functions that op calls."""
    names = _functions_in(op.node_def.attr) if _takes_functions(op) else []
    if op.graph._is_function(op.type):  # TensorFlow 1's Defun: a function is called by an op of its name
        names.append(op.type)
    return names


_TAKES_FUNCTIONS = {}  # op type -> bool


def _takes_functions(op):
    known = _TAKES_FUNCTIONS.get(op.type)
    if known is None:
        if op.op_def is None:  # as Graph.create_op leaves it before 1.6
            return True
        kinds = [attribute.type for attribute in op.op_def.attr]
        known = _TAKES_FUNCTIONS[op.type] = "func" in kinds or "list(func)" in kinds
    return known


def _functions_in(attributes):
    """Return the names of the functions in the attributes of a node."""
    names = []
    for value in attributes.values():
        names += [function.name for function in [value.func] + list(value.list.func) if function.name]
    return names


class _Node:
    """An operation in the body of a function: its type and name, its gradient's name, and the functions it calls."""

    def __init__(self, op):
        self._op = op
        self.type = op.type
        self.name = op.name

    def gradient_name(self):
        return gradient_name(self._op)

    def is_left_native(self):
        return is_left_native(self._op)

    def called_functions(self):
        return called_functions(self._op)


class NodeOfDefinition:
    """The same of a function that is known by its definition alone: loaded, imported, or TensorFlow 1's Defun."""

    def __init__(self, node_def, is_function=lambda name: False):
        self._node_def = node_def
        self._is_function = is_function
        self.type = node_def.op
        self.name = node_def.name

    def gradient_name(self):
        attributes = self._node_def.attr
        return text(attributes["_gradient_op_type"].s) if "_gradient_op_type" in attributes else None

    def is_left_native(self):
        return node_is_left_native(self._node_def)

    def called_functions(self):
        return _functions_in(self._node_def.attr) + [self.type] * self._is_function(self.type)


class FunctionBodies:
    """What is in the functions that a graph knows.

    They are asked for one by one: a GraphDef costs what the whole graph holds, constants included, and fails beyond
    2 GB. Only for functions that no Python object stands for (imported with a GraphDef) there is no other way.
    """

    def __init__(self, graph):
        self._graph = graph
        self._imported = None

    def of(self, name, graph):
        """Return (the nodes in the body of the function of that name, the graph that knows those which they call)."""
        for knowing in (graph, self._graph):
            function = knowing._get_function(name)
            if function is not None:  # pragma: no branch (see below)
                return self._of_object(function, knowing)
        return self._of_definition(name, graph)  # pragma: no cover (a TensorFlow that imports no Python objects)

    def _of_definition(self, name, graph):  # pragma: no cover (a TensorFlow that imports no Python objects)
        if self._imported is None:
            library = self._graph.as_graph_def().library.function
            self._imported = {function.signature.name: function for function in library}
        if name not in self._imported:
            return [], graph
        return [NodeOfDefinition(node, self._imported.__contains__) for node in self._imported[name].node_def], graph

    def _of_object(self, function, graph):
        # not `graph` where that would be made from a definition
        body = function._cached_graph if hasattr(function, "_cached_graph") else getattr(function, "graph", None)
        if body is not None:
            return [_Node(op) for op in body.get_operations()], body
        return [NodeOfDefinition(node, graph._is_function) for node in function.definition.node_def], graph
