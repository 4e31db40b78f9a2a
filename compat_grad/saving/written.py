"""The gradient that goes into a SavedModel in the place of one that Python computes, or the words that do.

Writing never fails because of an override: where the gradient cannot go along, a warning says why, and what is
written raises a sentence in the process that asks for it. `strict_saving` makes that an error.
"""

import contextlib
import threading
import warnings
import weakref

from compat_grad import _tf
from compat_grad._tf import tf

_here = threading.local()
_warned = weakref.WeakKeyDictionary()  # the saving under way -> what it has been warned of


#: How many derivatives are written: the backward of an override that calls it again has one more for each of them.
MOST = 2
HIGHER_IS_NOT = (
    "{}: its {} derivative is not saved: its backward calls {}. The saved model has the right values and lower "
    "derivatives, and asking it for this one raises."
)


class GradientNotSaved(ValueError):
    """Raised under `strict_saving` for a gradient that cannot be written into a SavedModel."""


@contextlib.contextmanager
def strict_saving():
    """Return the context in which saving raises where the gradient of an override cannot be saved.

    By default such a model is saved with a warning; its values are right, and asking the loaded model for that
    gradient raises.

    Raises:
      GradientNotSaved: with the override's name and the reason.

    >>> with strict_saving():
    ...     pass  # tf.saved_model.save(...), model.export(...), ...
    """
    before = getattr(_here, "strict", None)
    _here.strict = problems = []
    try:
        yield
    except Exception:
        if problems:
            raise problems[0] from None  # which TensorFlow has wrapped in an error that tells nothing of it
        raise
    finally:
        _here.strict = before


def write(op, gradients, function, title):
    """Return what tf.saved_model.save shall write as the gradients of op's inputs.

    Args:
      op: the op in its function's body, or None where it cannot be told.
      gradients: placeholders of the shapes and dtypes of the op's inputs, which stand for the gradients of its outputs.
      function: gradient function ``(op, *output_gradients)``.
      title: how messages call the override.
    """
    given = [gradient if _tf.differentiable(gradient) else None for gradient in gradients]
    reason = _why_not(op, gradients, given, function)
    if reason is None:
        returned = _dense(function, op, given)
        _write_those_within(op, title)
        return returned
    return _raising(title, reason, gradients)


def _dense(function, op, gradients):
    """Return the gradients of op's inputs: a function that is saved returns no IndexedSlices."""
    return [_tf.dense(*pair) for pair in zip(function(op, *gradients), op.inputs)]


def _write_those_within(op, title):
    """Have the gradients of overrides that a gradient calls written, which TensorFlow by itself does not look for."""
    graph = _tf.get_default_graph()
    order = 1 + max(getattr(around, "_compat_grad_order", 0) for around in _tf.outer_function_graphs(op.graph))
    graph._compat_grad_order = order
    names = _tf.gradient_names_in(graph)
    if not any(map(_is_ours, names)):
        return
    higher = "second" if order < MOST else "third"
    if not all(map(_is_ours, names)):
        _warn(HIGHER_IS_NOT.format(title, higher, "a custom gradient that is no override"))
        return
    _tf.compute_what_is_captured(graph, _is_ours)
    if order == MOST or not _tf.write_gradients_of_what_is_written(_is_ours):
        _warn(HIGHER_IS_NOT.format(title, higher, "an override"))


def _is_ours(name):
    return name.startswith("compat_grad")


def _why_not(op, placeholders, gradients, function):
    """Return why this gradient cannot be written, or None."""
    if op is None:
        return "several ops of imported graphs share its name"
    if len(op.outputs) != len(placeholders) or not all(map(_tf.same_dtype_and_shape, op.outputs, placeholders)):
        return "the outputs of the {} op {!r} are not shaped as its inputs".format(op.type, op.name)
    try:
        trial = _tf.trace_apart(lambda *given: _dense(function, op, _filled(gradients, given)), gradients)
    except Exception as error:  # whatever the user's backward raises is the reason
        return "its backward raises {}: {}".format(type(error).__name__, error)
    python = _tf.python_ops(trial.graph)
    if python:
        return "its backward calls Python ({})".format(", ".join(python))
    strangers = _tf.not_in_saved_object(trial, op)
    if strangers:
        return "its backward uses {}, which the saved object does not hold".format(", ".join(strangers))
    written = next(
        (graph for graph in _tf.outer_function_graphs(op.graph) if hasattr(graph, "_compat_grad_order")), None
    )
    if written is not None and _tf.found_beyond(trial, written):
        return "it is in a function, in a backward, that captures a tensor from outside of that"
    if _tf.is_control_flow_body(op.graph) and _tf.uses_tensors_of(op.graph, trial):  # pragma: no cover (before 2.15)
        return "it is inside a loop or branch, whose tensors this TensorFlow loses when it differentiates a loaded one"
    return None


def _filled(gradients, given):
    given = iter(given)
    return [None if gradient is None else next(given) for gradient in gradients]


def _raising(title, reason, gradients):
    """Return gradients that raise where they are computed, and say why there are none."""
    if getattr(_here, "strict", None) is not None:
        error = GradientNotSaved("{}: its gradient cannot be saved: {}.".format(title, reason))
        _here.strict.append(error)
        raise error
    _warn(
        "{}: its gradient is not saved: {}. The saved model has the right values, and asking it for this gradient "
        "raises. (compat_grad.strict_saving() makes this an error.)".format(title, reason)
    )
    sentence = "{}: its gradient was not saved with this model: {}.".format(title, reason)
    with tf.control_dependencies([tf.debugging.Assert(tf.constant(False), [sentence])]):
        # XLA drops assertions; then it shall at least be no number.
        return [
            tf.cast(float("nan"), gradient.dtype) * gradient if _tf.differentiable(gradient) else None
            for gradient in gradients
        ]


def _warn(words):
    saving = _tf.saving_under_way()
    told = _warned.setdefault(saving, set()) if saving is not None else set()
    if words not in told:
        told.add(words)
        warnings.warn(words, stacklevel=2)
