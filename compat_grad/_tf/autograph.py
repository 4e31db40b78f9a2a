"""AutoGraph: whether it is converting the code that calls us, and having it convert the user's functions."""

import contextlib
import inspect
import weakref

from compat_grad._tf.lookup import first

_tf_convert = first("tensorflow.python.autograph.impl.api.tf_convert")
_autograph_status = first("tensorflow.python.autograph.core.ag_ctx.control_status_ctx")
_ControlStatus = first("tensorflow.python.autograph.core.ag_ctx.ControlStatusCtx")
_autograph_statuses = first("tensorflow.python.autograph.core.ag_ctx.Status")
_is_allowlisted = first(
    *("tensorflow.python.autograph.impl.conversion." + name for name in ("is_allowlisted", "is_whitelisted")),
    "tensorflow.python.autograph.impl.conversion.is_whitelisted_for_graph",  # to 2.1
)
_left_alone = weakref.WeakKeyDictionary()


def has_autograph():
    """Whether AutoGraph can be asked to convert what a function calls (not in 1.14)."""
    return None not in (_tf_convert, _autograph_status)


def autograph_converts():
    """Whether the code that is calling us is being converted by AutoGraph."""
    return has_autograph() and _autograph_status().status.name == "ENABLED"


def autograph_enabled():
    """Return a context in which functions are converted by AutoGraph, where it can be reached."""
    if not has_autograph() or None in (_ControlStatus, _autograph_statuses):
        return contextlib.ExitStack()
    return _ControlStatus(status=_autograph_statuses.ENABLED)


def convert_by_autograph(function):
    """Return function as AutoGraph converts it."""
    return _tf_convert(function, _autograph_status())


def left_alone_by_autograph(function):
    """Whether AutoGraph calls this function as it is, as it does TensorFlow's own: asked once for each function."""
    if _is_allowlisted is None or not inspect.isfunction(function):
        return False
    known = _left_alone.get(function)
    if known is None:
        known = _left_alone[function] = _is_allowlisted(function)
    return known


def not_converted(function):
    """Mark function as none of AutoGraph's business."""
    function.autograph_info__ = {}
    return function


def hand_on(error):
    """Return an exception such that AutoGraph hands it on, instead of raising another one in its place.

    The other one says the same, but is without notes, and of a type of AutoGraph's where that does not know the type:
    then it is the one that has been replaced already which is returned.
    """
    while ".autograph." in type(error).__module__ and error.__context__ is not None:
        error = error.__context__
    vars(error).pop("ag_error_metadata", None)  # by which it would be replaced
    error.ag_pass_through = True
    return error
