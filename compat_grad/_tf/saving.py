"""SavedModels: whether gradients are written into them, and what the saving under way holds.

tf.saved_model.save calls the registered gradients of a function's ops without telling what it saves. That is read
from its frame; where it cannot be, nothing but what forward uses counts as saved.
"""

import inspect
import os
import sys

from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from compat_grad._tf.graphs import captured_as, outer_function_graphs
from compat_grad._tf.lookup import first, tf
from compat_grad._tf.registry import gradient_name, text
from compat_grad._tf.tapes import stop_recording
from compat_grad._tf.tensors import is_eager_tensor_type

_SaveOptions = getattr(tf.saved_model, "SaveOptions", None)

#: Whether tf.saved_model.save can write the gradients of ops (from 2.6 on).
saves_gradients = (
    _SaveOptions is not None and "experimental_custom_gradients" in inspect.signature(_SaveOptions).parameters
)

# A loaded loop or branch is differentiated on a copy of its body, which a written gradient knows nothing of: it uses
# the tensors of the body as loaded. Late 2.x brings the gradients of *functions* that the body calls along.
_body_of = first("tensorflow.python.ops.control_flow_util_v2.get_func_graph")

#: Whether a gradient can use tensors of a loaded loop's or branch's body, if a function computes them.
loaded_bodies_know_functions = _body_of is not None and "_get_gradient_function" in _body_of.__code__.co_names
_GRADIENT = "_gradient_op_type"
_PYTHON_OPS = frozenset(("PyFunc", "PyFuncStateless", "EagerPyFunc"))


def trace_apart(function, like):
    """Return the ConcreteFunction of function for tensors like these (None: no argument), called by nobody."""
    specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in like if tensor is not None]
    return tf.function(function, autograph=False).get_concrete_function(*specs)


def python_ops(graph):
    """Return the types of the ops in graph, and in the functions that it calls, that Python runs."""
    definition = graph.as_graph_def()
    nodes = list(definition.node)
    for function in definition.library.function:
        nodes.extend(function.node_def)
    return sorted({node.op for node in nodes} & _PYTHON_OPS)


def uses_tensors_of(graph, function):  # pragma: no cover (from 2.6 on, before 2.15)
    """Whether a ConcreteFunction captures tensors of graph."""
    return any(tensor.graph is graph for tensor in function.captured_inputs if _is_symbolic(tensor))


def _is_symbolic(tensor):
    return not is_eager_tensor_type(type(tensor))


def saving_under_way():
    """Return what tf.saved_model.save knows of the object that it is saving, or None."""
    return _writing().get("saveable_view")


def _writing():
    """Return the local variables of the function of tf.saved_model.save that writes gradients; {} outside of it."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "_trace_gradient_functions":
            return frame.f_locals
        frame = frame.f_back
    return {}  # pragma: no cover (a TensorFlow that writes them elsewhere)


def write_gradients_of_what_is_written(ours):
    """Have the gradients of the ops in the gradients that are being written, also, written; return whether they will.

    TensorFlow goes through a list of the functions saved, and adds to them those that it writes; the list it leaves
    as it was at first.

    Args:
      ours: called with the name of a gradient; functions with an op that has another one are left alone.
    """
    writing = _writing()
    functions, exported, known = (writing.get(name) for name in ("functions", "graph", "func_graph_map"))
    if not isinstance(functions, list) or not isinstance(known, dict) or not hasattr(exported, "_functions"):
        return False  # pragma: no cover (a TensorFlow that writes them otherwise)
    functions.append(_AddedMeanwhile(functions, exported, known, ours))
    return True


class _AddedMeanwhile:
    """Stands for a function without ops among those gone through; at its turn it puts what was added behind itself."""

    def __init__(self, functions, exported, known, ours):
        self._functions, self._exported, self._known, self._ours = functions, exported, known, ours
        self.graph = self

    def get_operations(self):
        there = {id(function) for function in self._functions}
        for function in list(self._exported._functions.values()):
            if id(function) in there or not hasattr(function, "graph"):
                continue
            names = set(filter(None, map(gradient_name, function.graph.get_operations())))
            if names and all(map(self._ours, names)):
                self._known[function.graph] = function
                self._functions.append(function)
        return ()


def compute_what_is_captured(graph, ours):
    """Lead what graph captures to its ops with gradients of these names through ops of its own.

    A written gradient finds a tensor that is an argument of a function, captured from another, in that other: which,
    in a loaded model, is another graph than the one that called the function.
    """
    for op in graph.get_operations():
        if ours(gradient_name(op) or ""):
            for position, tensor in enumerate(op.inputs):
                if captured_as(tensor) and tensor.dtype not in (tf.resource, tf.variant):
                    with stop_recording():
                        op._update_input(position, tf.identity(tensor))


def found_beyond(function, graph):
    """Whether what a ConcreteFunction captures is computed outside of graph, eager tensors apart."""
    for tensor in filter(_is_symbolic, function.captured_inputs):
        while _is_symbolic(tensor) and captured_as(tensor):
            (tensor,) = captured_as(tensor)
        if _is_symbolic(tensor) and graph not in outer_function_graphs(tensor.graph):
            return True
    return False


def gradient_names_in(graph):
    """Return the names of the gradients that ops have, in graph and in the functions that it calls."""
    bodies = [function.graph for function in getattr(graph, "_functions", {}).values() if hasattr(function, "graph")]
    names = (gradient_name(op) for body in [graph] + bodies for op in body.get_operations())
    return set(filter(None, names))


def not_in_saved_object(function, op):
    """Return what to call the tensors that a ConcreteFunction captures and the function of op cannot hand to it."""
    held = getattr(saving_under_way(), "captured_tensor_node_ids", ())
    within = list(outer_function_graphs(op.graph))
    strangers = []
    for tensor in function.captured_inputs:
        if is_eager_tensor_type(type(tensor)):
            if not held or tensor not in held:
                strangers.append(_what(tensor, function))
        elif not any(tensor.graph is graph for graph in within) and not (held and tensor in held):
            strangers.append("the tensor {!r} of another graph".format(tensor.name))
    return strangers


def _what(tensor, function):
    for variable in function.graph.variables:
        if variable.handle is tensor:
            return "the variable {!r}".format(variable.name)
    return "a tensor of shape {} and dtype {}".format(tensor.shape, tensor.dtype.name)


def gradients_not_saved(path):
    """Return the names of the gradients that the ops of a SavedModel have, and that are not written in it."""
    saved = saved_model_pb2.SavedModel()
    with open(os.path.join(str(path), "saved_model.pb"), "rb") as file:
        try:
            saved.ParseFromString(file.read())
        except DecodeError as error:
            raise ValueError("compat_grad: {!r} holds no SavedModel: {}".format(str(path), error)) from None
    if not saved.meta_graphs:
        raise ValueError("compat_grad: {!r} holds a SavedModel without a graph".format(str(path)))
    library = saved.meta_graphs[0].graph_def.library
    written = {text(gradient.registered_op_type) for gradient in getattr(library, "registered_gradients", ())}
    nodes = [node for function in library.function for node in function.node_def]
    named = {node.attr[_GRADIENT].s.decode(errors="replace") for node in nodes if _GRADIENT in node.attr}
    return sorted(named - written)
