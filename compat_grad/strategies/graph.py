"""Strategy ``gradient_override_map``: one pass-through op whose gradient is registered once.

Knows nothing of arguments or structures, nor of what the product does.
"""

import functools
import os
import re
import weakref

from compat_grad import _tf
from compat_grad.quoting import shortened
from compat_grad.saving.named import in_function_of_its_own, name_of_its_own, name_shared_by_calls
from compat_grad.saving.recalled import recall
from compat_grad.saving.written import write
from compat_grad.strategies.order import gradients_after_reads, outputs_together
from compat_grad.strategies.tape import record
from compat_grad.strategies.unending import once
from compat_grad.strategies.vectorized import LostCall, VectorizedCall

# There is one name in TensorFlow's registry. Which call an op belongs to is written on the op (a random key, so that
# an imported graph never finds a stranger's call: what a process counts, a fork of it counts as well) and looked up
# among the calls alive; a call is kept alive by its graph. So neither registry nor calls hold a graph, and nothing
# grows with calls.
_NAME = "compat_grad"  # how every name that we register begins
_KEY_ATTRIBUTE = "_compat_grad_call"
_TOLD_ATTRIBUTE = "_compat_grad_told"  # for a process that does not know the key: see `recalled`
_live_calls = weakref.WeakValueDictionary()
_attributes_of = weakref.WeakKeyDictionary()
_registering = _tf.Lock()
_registered = []


def connect(outputs, inputs, vjp):
    graph = _tf.get_default_graph()
    if in_function_of_its_own(graph):
        return _connect_in_function(outputs, inputs, vjp)
    tied = _connect(outputs, inputs, vjp)
    return _tf.sealed(tied, vjp.name) if _tf.is_defun_body(graph) else tied


def _connect_in_function(outputs, inputs, vjp):
    @_tf.not_converted
    def tie(*tensors):
        return _connect(list(tensors[: len(outputs)]), list(tensors[len(outputs) :]), vjp)

    return list(_tf.call_traced(_tf.new_function(tie), list(outputs) + list(inputs)))


def _connect(outputs, inputs, vjp):
    attributes = _attributes(vjp)
    title = "override_gradient {!r}".format(vjp.name)
    named = name_of_its_own(_gradient_of_op, title, _tf.get_default_graph(), _gradient_type())
    if named is not None:
        attributes = dict(attributes, _gradient_op_type=_tf.AttrValue(s=named.name.encode()))
    with outputs_together(outputs, inputs):
        op = _tf.add_identity_n(outputs + inputs, _op_name(vjp.name, _tf.get_default_graph()), attributes)
    if named is not None:
        named.belongs_to(op)
    if not _tf.vectorized_ops_can_be_tied:
        _tf.refuse_to_vectorize(op)
    tied = list(op.outputs)[: len(outputs)]
    if _tf.record_operation is not None and not _tf.no_tapes():
        # A tape inside a function looks gradients up by op type alone, so the op is recorded by hand. Recorded with
        # the original inputs: with those that the op holds, nested tapes would find no second derivative.
        record(tied, inputs, functools.partial(gradients_after_reads, vjp), op.name)
    return tied


def _attributes(vjp):
    known = _attributes_of.get(vjp)
    if known is None:
        key = os.urandom(16).hex()
        known = _attributes_of[vjp] = {
            "_gradient_op_type": _tf.AttrValue(s=_gradient_type().encode()),
            _KEY_ATTRIBUTE: _tf.AttrValue(s=key.encode()),
            _TOLD_ATTRIBUTE: _tf.AttrValue(s=vjp.tell().encode()),
        }
        _live_calls[key] = vjp
    for graph in _tf.outer_function_graphs(_tf.get_default_graph()):
        _tf.keep_with(graph, vjp)
    return known


def _gradient_type():
    """Return the one name that our gradient is registered under, registering it at the first call."""
    if not _registered:
        with _registering:
            if not _registered:  # pragma: no branch (another thread did meanwhile)
                _registered.append(_register_gradient())
    return _registered[0]


def _register_gradient():
    for name in (_NAME, _NAME + "_" + os.urandom(16).hex()):
        try:
            _tf.register_gradient(name)(_gradient_of_op)
        except KeyError:  # this module has been loaded before, and TensorFlow's registry forgets nothing
            continue
        return name
    raise RuntimeError(  # pragma: no cover (16 random bytes that are taken)
        "compat_grad: no name for the gradient is free in TensorFlow's registry"
    )


@_tf.not_converted
def _gradient_of_op(op, *gradients):
    if op is None:  # how tf.saved_model.save asks
        return write(None, gradients, _gradient_of_op, "override_gradient")
    vjp = _call_of(op)
    if vjp is None:
        raise LookupError(_lost(op))
    inputs = list(op.inputs)
    n_outputs = len(inputs) - vjp.n_inputs
    outputs, of_outputs = list(op.outputs)[:n_outputs], gradients[:n_outputs]
    with once((id(op.graph), op.name), vjp.name):
        return [None] * n_outputs + gradients_after_reads(vjp, inputs[n_outputs:], outputs, of_outputs, op.name)


def _call_of(op):
    """Return the vector-Jacobian product of op; None where it is gone and nothing is told of it."""
    call = _live_calls.get(_tf.attribute(op, _KEY_ATTRIBUTE))
    told = _tf.attribute(op, _TOLD_ATTRIBUTE)
    return call if call is not None or not told else recall(told, op)


def _lost(op):
    return (
        "compat_grad: the op {!r} comes from a graph that was built in another process or is gone, and its gradient "
        "with it. Build the graph with its overrides in this process.".format(shortened(op.name))
    )


def _op_name(name, graph):
    """Return the name of an op; in functions one that says whose it is.

    Of a SavedModel without gradients, in a process without us, TensorFlow says of the gradient that it misses no more
    than this name.
    """
    of_override = re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_.-") or "override_gradient"
    return of_override + "/gradient_by_compat_grad" if _tf.is_function_graph(graph) else of_override


# --- tf.vectorized_map over our ops and copies of them --------------------------------------------------------

#: The name of a gradient of single ops -> what has ``of(op)``, the vector-Jacobian product of an op with that name.
gradients_of_ops = weakref.WeakValueDictionary()


def _how_to_tie(op):
    """Return how to tie what tf.vectorized_map makes of op, by what is written on op; None for what is not ours."""
    name = name_shared_by_calls(_tf.gradient_name(op))
    if name is None or not name.startswith(_NAME):
        return _lost_rows(op) if _tf.attribute(op, _KEY_ATTRIBUTE) is not None else None
    if name in gradients_of_ops:
        vjp = VectorizedCall(gradients_of_ops[name].of(op))
        return lambda outputs, inputs: connect(outputs, inputs, vjp)
    if name not in _registered and _tf.is_registered(name):
        return None  # of another copy of this module, which is asked next
    try:
        vjp = _call_of(op) if name in _registered else None
    except LookupError as error:
        return _lost_rows(op, str(error))
    if vjp is None:
        return _lost_rows(op)
    return lambda outputs, inputs: _tie_rows(inputs, vjp)


def _lost_rows(op, message=None):
    """The values are right, and asking for the gradient raises; also of an op that was loaded with a written gradient.

    That uses tensors of the graph it was loaded in, and knows nothing of rows.
    """
    return lambda outputs, inputs: connect(outputs, inputs, LostCall(message or _lost(op), len(inputs)))


def _tie_rows(stacked, vjp):
    n_outputs = len(stacked) - vjp.n_inputs
    outputs, inputs = stacked[:n_outputs], stacked[n_outputs:]
    return connect(outputs, inputs, VectorizedCall(vjp)) + inputs


_tf.have_vectorized_ops_tied(_how_to_tie)
_gradient_type()  # known before a graph from another process is differentiated
