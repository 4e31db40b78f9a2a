"""TensorFlow's registry of gradients under programs that register a new name for each call: they leak, and are told.

Knows nothing of what the names are for.
"""

import warnings

from compat_grad import _tf

WARN_AT = 1000  # names more than there were at first
OURS = "compat_grad"  # what the names begin with that this package registers

_lock = _tf.Lock()
_seen = {}  # what is known since the first map


def look(entered):
    """Warn, once in a process, when the registry has grown by `WARN_AT` names since the first `EnteredMap`."""
    size = _tf.registered_count()
    if "warned" in _seen or size < _seen.get("look at", 0):
        return
    with _lock:
        names = _tf.registered_count(besides=OURS)  # which are there as long as they are of use
        at_first = _seen.setdefault("at first", names)
        _seen["look at"] = size + at_first + WARN_AT - names
        if names < at_first + WARN_AT or "warned" in _seen:
            return
        _seen["warned"] = True
    warnings.warn_explicit(
        "{}: TensorFlow's registry of gradients has grown by {} names since the first override map, and forgets none: "
        "a name that is registered at each call leaks all that its function refers to. Register one gradient, once, "
        "or use override_gradient, which needs no name.".format(entered, names - at_first),
        UserWarning,
        *(entered.place or ("<unknown>", 0)),
    )
