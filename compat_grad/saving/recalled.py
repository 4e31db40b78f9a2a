"""Gradients of graphs from another process, by the overrides that have been defined again in this one.

An op tells the name of its override and the arguments of the call (`told`). The override of that name is found among
those alive; one that cannot be found, or not for certain, is an error that names it, and never a guess.
"""

import reprlib

from compat_grad import _tf
from compat_grad.quoting import shortened
from compat_grad.saving import told
from compat_grad.saving.named import name_shared_by_calls

_defined = _tf.Alive()
_makers = {}  # kind of call -> what makes its vector-Jacobian product


def define(override):
    """Remember an override, for as long as it lives, as the one of its ``name``.

    ``override.recall(args, kwargs, variables, n_values, inside)`` is the vector-Jacobian product of such a call, and
    ``override.backward`` what tells it from another override of that name.
    """
    _defined.add(override)


def recall_surrogates(make):
    """Have calls with a surrogate made by ``make(name, combine, n_inputs)``."""
    _makers[told.SURROGATE] = make


def recall(text, op):
    """Return the vector-Jacobian product of an op that another process has built.

    Args:
      text: what is written on the op.
      op: the op.

    Raises:
      LookupError: with the override's name, and what is missing.
    """
    inputs = list(op.inputs)
    try:
        kind, name, call, inside = told.hear(text, inputs)
    except told.Untold as error:
        _find(error.override, op)  # that it is not defined here is the better answer
        raise LookupError(
            "override_gradient {!r}: the gradient of the op {!r}, from another process, cannot be had: it was called "
            "with {}, which a graph cannot tell. Build the graph in this process.".format(
                shortened(error.override), shortened(op.name), shortened(error)
            )
        ) from None
    except told.Malformed as error:
        raise _malformed(op, error) from None
    if kind == told.SURROGATE:
        try:
            return _makers[kind](name, *call)
        except KeyError as error:
            raise _malformed(op, "combine is {}".format(reprlib.repr(error.args[0]))) from None
    override = _find(name, op)
    args, kwargs, values, n_variables = call
    variables = [_variable(value, name, op) for value in values[:n_variables]]
    try:
        return override.recall(args, kwargs, variables, len(values), inside)
    except TypeError as error:  # these are no arguments of the override
        raise _malformed(op, error) from error


def _malformed(op, why):
    return LookupError(
        "compat_grad: what is written on the op {!r} tells of no call of an override of this process: {}. The graph is "
        "damaged, or of another definition, or compat_grad has not written it.".format(
            shortened(op.name), shortened(why)
        )
    )


def _find(name, op):
    known = [override for override in _defined if override.name == name]
    if not known or name == "<lambda>":
        raise LookupError(
            "override_gradient {!r}: the op {!r} was built in another process or is gone, and its gradient with it. "
            "Define the override again in this process under its name{}.".format(
                shortened(name), shortened(op.name), " (give it one by name=...)" if name == "<lambda>" else ""
            )
        )
    if not all(same_gradient(known[-1].backward, override.backward) for override in known):
        raise LookupError(
            "override_gradient {!r}: the op {!r} comes from another process, and {} overrides of this name are alive "
            "in this one. Give them names of their own.".format(shortened(name), shortened(op.name), len(known))
        )
    return known[-1]


def same_gradient(one, other):
    """Whether two gradient functions are one, defined again perhaps."""
    if one is other or one == other:
        return True
    codes = [getattr(function, "__code__", None) for function in (one, other)]
    plain = not any(getattr(f, "__closure__", None) or getattr(f, "__defaults__", None) for f in (one, other))
    return plain and codes[0] is not None and codes[0] == codes[1]


def _variable(tensor, name, op):
    variable = _tf.variable_read_by(tensor)
    if variable is None:
        raise LookupError(
            "override_gradient {!r}: forward captures the variable read by {!r}, which the graph of the op {!r}, from "
            "another process, does not name.".format(shortened(name), shortened(tensor.name), shortened(op.name))
        )
    return variable


def recall_gradients(path):
    """Have the gradients of a SavedModel that were not saved with it found again in this process.

    TensorFlow from 2.6 on writes gradients into SavedModels, 2.6 to 2.10 only if asked to
    (``tf.saved_model.SaveOptions(experimental_custom_gradients=True)``). For a model without them: define its overrides
    again under their names, call this, and load the model by whatever loads it. (Before 2.6, defining is enough.)

    Args:
      path: the folder of the SavedModel.

    Returns:
      How many gradients will be found by overrides of this process.

    Raises:
      ValueError: the file in it is no SavedModel.
    """
    names = [name for name in _tf.gradients_not_saved(path) if _is_of_one_call(name)]
    for name in names:
        if not _tf.is_registered(name):
            _tf.register_gradient(name)(_shared_gradient(name_shared_by_calls(name)))
    return len(names)


def _is_of_one_call(name):
    """Whether a gradient's name is one of ours: the file may be a stranger's, and chooses no other for the registry."""
    return name.startswith("compat_grad") and name_shared_by_calls(name) != name


def _shared_gradient(name):
    @_tf.not_converted
    def gradient_of_op(op, *gradients):
        return _tf.registered_gradient(name)(op, *gradients)

    return gradient_of_op
