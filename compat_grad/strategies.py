"""The four ways to connect outputs to inputs with a vector-Jacobian product of one's own.

Each strategy gets ``outputs`` and ``inputs`` (flat lists of tensors) and a ``vjp`` with a ``name`` and
``input_gradients(inputs, outputs, output_gradients, op_name)``, and returns the outputs tied to the inputs. They know
nothing of arguments, structures, Keras or each other; what can be had in which mode is the table at the end.
"""

import collections
import itertools
import re
import threading
import uuid
import weakref
from typing import Dict, Iterable, Tuple

from compat_grad import _tf
from compat_grad._tf import tf
from compat_grad.vectorized import VectorizedCall

# --- gradient_override_map: one pass-through op whose gradient is registered once -----------------------------

# There is one name in TensorFlow's registry. Which call an op belongs to is written on the op (a key unique across
# processes, so that an imported graph never finds a stranger's call) and looked up among the calls alive; a call
# is kept alive by its graph. So neither registry nor calls hold a graph, and nothing grows with calls.
_KEY_ATTRIBUTE = "_compat_grad_call"
_process = uuid.uuid4().hex
_serial = itertools.count()
_live_calls = weakref.WeakValueDictionary()
_attributes_of = weakref.WeakKeyDictionary()
_registering = threading.Lock()
_registered = []


def _connect_in_graph(outputs, inputs, vjp):
    op = _tf.add_identity_n(outputs + inputs, _op_name(vjp.name), _attributes(vjp))
    _tf.vectorize_with(op, lambda stacked: _connect_vectorized(stacked, len(outputs), vjp))
    tied = list(op.outputs)[: len(outputs)]
    if _tf.record_operation is not None and not _tf.no_tapes():
        # A tape inside a function looks gradients up by op type alone, so the op is recorded by hand. Recorded with
        # the original inputs: with those that the op holds, nested tapes would find no second derivative.
        _record(tied, inputs, vjp, op.name)
    return tied


def _connect_vectorized(stacked, n_outputs, vjp):
    outputs, inputs = stacked[:n_outputs], stacked[n_outputs:]
    return tie_vectorized(outputs, inputs, vjp) + inputs


def tie_vectorized(outputs, inputs, vjp):
    """Return outputs tied to inputs, all with a new first axis, by the product of each row."""
    return _connect_in_graph(outputs, inputs, VectorizedCall(vjp))


def _attributes(vjp):
    known = _attributes_of.get(vjp)
    if known is None:
        key = "{}:{}".format(_process, next(_serial))
        known = _attributes_of[vjp] = {
            "_gradient_op_type": _tf.AttrValue(s=_gradient_type().encode()),
            _KEY_ATTRIBUTE: _tf.AttrValue(s=key.encode()),
        }
        _live_calls[key] = vjp
    for graph in _tf.outer_function_graphs(_tf.get_default_graph()):
        _tf.keep_with(graph, vjp)
    return known


def _gradient_type():
    """Return the one name that our gradient is registered under, registering it at the first call."""
    if not _registered:
        with _registering:
            if not _registered:
                _registered.append(_register_gradient())
    return _registered[0]


def _register_gradient():
    for name in ("compat_grad", "compat_grad_" + _process):
        try:
            _tf.register_gradient(name)(_gradient_of_op)
        except KeyError:  # this module has been loaded before, and TensorFlow's registry forgets nothing
            continue
        return name
    raise RuntimeError("compat_grad: no name for the gradient is free in TensorFlow's registry")


#: Said where tf.saved_model.save asks for a gradient to write (on by default from some 2.x on).
SAVED_WITHOUT_GRADIENT = (
    "compat_grad: the gradient of an override cannot be written into a SavedModel. Save with "
    "options=tf.saved_model.SaveOptions(experimental_custom_gradients=False); the values are then right, and asking "
    "the loaded model for gradients raises."
)


@_tf.not_converted
def _gradient_of_op(op, *gradients):
    if op is None:  # how tf.saved_model.save asks
        raise ValueError(SAVED_WITHOUT_GRADIENT)
    vjp = _live_calls.get(_tf.text(op.get_attr(_KEY_ATTRIBUTE)))
    if vjp is None:
        raise LookupError(
            "compat_grad: the op {!r} comes from a graph that was built in another process or is gone, and its "
            "gradient with it. Build the graph with its overrides in this process.".format(op.name)
        )
    inputs = list(op.inputs)
    n_outputs = len(inputs) - vjp.n_inputs
    return [None] * n_outputs + vjp.input_gradients(
        inputs[n_outputs:], list(op.outputs)[:n_outputs], gradients[:n_outputs], op.name
    )


def _op_name(name):
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_.-") or "override_gradient"


# --- tape: record outputs <- inputs with the backward function ------------------------------------------------


def _connect_on_tape(outputs, inputs, vjp):
    # Fresh tensors, because an output may be an input, a captured tensor, or already known to a tape.
    tied = [_tf.alias(output) for output in outputs]
    _record(tied, inputs, vjp, vjp.name)
    return tied


def _record(outputs, inputs, vjp, op_name):
    # Of the tensors whose dtype has no gradient a tape need not know; up to 1.13 it fails to make zeros of strings.
    flowing, sources = _tf.flowing(outputs), _tf.flowing(inputs)
    forward_mode = _tf.tangents_flow(inputs)

    def backward(*gradients):
        if len(gradients) < len(outputs):
            given = dict(zip(flowing, gradients))
            gradients = [given.get(index) for index in range(len(outputs))]
        of_inputs = vjp.input_gradients(inputs, outputs, gradients, op_name)
        if forward_mode:  # which differentiates backward, and knows no IndexedSlices there
            of_inputs = [_tf.dense(gradient) for gradient in of_inputs]
        return _at(sources, of_inputs)

    if flowing and sources:
        _tf.record_operation("IdentityN", _at(flowing, outputs), _at(sources, inputs), backward)


def _at(positions, items):
    return items if len(positions) == len(items) else [items[position] for position in positions]


# --- custom_gradient: TensorFlow's own decorator --------------------------------------------------------------


def _connect_by_custom_gradient(outputs, inputs, vjp):
    tied = []  # backward reads the overridden outputs, which exist only once tie has returned
    # stop_gradient: the decorator looks for variables behind its outputs, and forward's are dealt with already
    values = [tf.stop_gradient(output) for output in outputs]

    @_tf.custom_gradient
    @_tf.not_converted
    def tie(*inputs):
        @_tf.not_converted
        def backward(*gradients):
            return vjp.input_gradients(list(inputs), tied, gradients, vjp.name)

        return values, backward

    tied.extend(tie(*inputs))
    return tied


# --- stop_gradient: the trick written out, for surrogates -----------------------------------------------------


def _connect_by_stop_gradient(outputs, inputs, vjp):
    return vjp.written_out(outputs, inputs)


# --- which can be had, and which is picked --------------------------------------------------------------------


def _lacks_graph_override():
    if not _tf.has_identity_n():
        return "this TensorFlow has no op that passes several tensors through (IdentityN, or a Defun before 1.4)"
    if _tf.record_operation is None and _tf.current_mode() is not _tf.GRAPH:
        return "this TensorFlow's tape recorder cannot be reached, and tapes inside functions know no override map"
    return None


def _lacks_tape():
    if not _tf.executing_eagerly():
        return "it works in eager mode only: tf.gradients and tapes around a function see nothing of a tape's record"
    if _tf.record_operation is None:
        return "this TensorFlow's tape recorder cannot be reached"
    return None


def _lacks_custom_gradient():
    return None if _tf.custom_gradient else "this TensorFlow has no tf.custom_gradient (it came with 1.7)"


Strategy = collections.namedtuple("Strategy", "name connect lacks in_eager in_graphs")
Strategy.__doc__ = """One way to connect.

name: as the user says it; connect: (outputs, inputs, vjp) -> tied outputs; lacks: () -> why it cannot be had here, or
None; in_eager, in_graphs: whether connect itself works in that mode (without in_eager, the call is traced first).
"""

#: In the order of preference.
STRATEGIES = collections.OrderedDict(
    (strategy.name, strategy)
    for strategy in (
        Strategy("tape", _connect_on_tape, _lacks_tape, True, False),
        Strategy("gradient_override_map", _connect_in_graph, _lacks_graph_override, False, True),
        Strategy("custom_gradient", _connect_by_custom_gradient, _lacks_custom_gradient, True, True),
        Strategy("stop_gradient", _connect_by_stop_gradient, lambda: None, True, True),
    )
)


class AvailableStrategies(Tuple[str, ...]):
    """The names of the strategies that can be had, the preferred one first.

    Attributes:
      unavailable: dict from each other strategy's name to the reason why it cannot be had here.
    """

    unavailable: Dict[str, str]

    def __new__(cls, names: Iterable[str], unavailable: Dict[str, str]) -> "AvailableStrategies":
        self = super().__new__(cls, names)
        self.unavailable = unavailable
        return self

    def __getnewargs__(self):
        return tuple(self), self.unavailable


@_tf.not_converted
def available_strategies() -> "AvailableStrategies":
    """Tell which strategies can be had in the current mode (eager, or the graph being built).

    Returns:
      An `AvailableStrategies`: a tuple of names, the one that "auto" picks for a ``backward`` first ("stop_gradient"
      expresses surrogates only), with the reasons why the others cannot be had in its attribute ``unavailable``.

    >>> "stop_gradient" in available_strategies()
    True
    """
    reasons = collections.OrderedDict((name, strategy.lacks()) for name, strategy in STRATEGIES.items())
    names = [name for name, reason in reasons.items() if reason is None]
    eager = _tf.executing_eagerly()
    names.sort(key=lambda name: not (STRATEGIES[name].in_eager if eager else STRATEGIES[name].in_graphs))
    return AvailableStrategies(names, {name: reason for name, reason in reasons.items() if reason is not None})


def pick_strategy(forced, title, surrogate):
    """Return the Strategy to use in the current mode.

    Args:
      forced: a strategy's name, or "auto".
      title: how error messages call the override.
      surrogate: whether the override has a surrogate, which alone the stop_gradient trick can express.

    Raises:
      ValueError: the strategy, or with "auto" every one that could express the override, cannot be had here.
    """
    if forced != "auto":
        reason = STRATEGIES[forced].lacks()
        if reason is None:
            return STRATEGIES[forced]
        raise ValueError(
            "{}: strategy {!r} cannot be had here: {}. Available: {}; or leave strategy='auto'.".format(
                title, forced, reason, ", ".join(available_strategies())
            )
        )
    eager = _tf.executing_eagerly()
    for strategy in STRATEGIES.values():
        fits = (strategy.in_eager if eager else strategy.in_graphs) and (surrogate or strategy.name != "stop_gradient")
        if fits and strategy.lacks() is None:
            return strategy
    raise ValueError(
        "{}: no strategy can be had here: {}.".format(
            title, "; ".join("{}: {}".format(*item) for item in available_strategies().unavailable.items())
        )
    )
