"""What is said where an op-level override could not be applied to the ops that it is for.

Knows nothing of how the ops were found or given their gradients.
"""

import difflib

from compat_grad.saving.named import stands_for
from compat_grad.strategies.graph import gradients_of_ops


def check_reached(title, found):
    """Raise ValueError where an op of a mapped type keeps its own gradient; found is a `Found`."""
    for op_type, op_name in found.calls:
        raise ValueError(
            "{}: {!r} is a function, and TensorFlow differentiates the call {!r} through what is in it, whatever "
            "gradient the call has. Map the op types in it, or give it a gradient where it is defined "
            "(python_grad_func).".format(title, op_type, op_name)
        )
    for op_type, op_name, function_name in found.missed:
        raise ValueError(
            "{}: the {} op {!r} is inside the function {!r}, which was traced before and is shared with other callers, "
            "so its gradient cannot be overridden here. Call the plain Python function in forward (tf.function objects "
            "have it as `python_function`), or override the gradient inside that function.".format(
                title, op_type, op_name, function_name
            )
        )


def not_shown(title, function_name):
    """Return what to say of a function that is called op by op where TensorFlow does not show what is in it."""
    return (
        "{}: forward cannot be traced, so it runs op by op; but it calls the function {!r}, and this TensorFlow "
        "(it does so from 2.4 on) does not show what is in there. Call the plain Python function in forward "
        "(tf.function objects have it as `python_function`).".format(title, function_name)
    )


def override_not_shown(title):
    """Return what to say of an override that is called op by op and is a function of TensorFlow's nevertheless."""
    return (
        "{}: forward runs op by op here, and it calls an override whose strategy needs a graph: a function, and this "
        "TensorFlow (it does so from 2.4 on) does not show what is in there. Leave that one's strategy to "
        "compat_grad.".format(title)
    )


def unseen(title, op):
    """Return what to say of an op that was built unseen while a tape listens."""
    return (
        "{}: the {} op {!r} was built where this TensorFlow shows nobody what is built (under tf.device(None)), so "
        "the tape that listens could not be told of its gradient. Name a device there, or let the tape listen "
        "outside of the function.".format(title, op.type, op.name)
    )


def of_another_thread(title, op):
    """Return what to say of an op that was built by a thread of forward's own."""
    return (
        "{}: the {} op {!r} was built by another thread, such as that of a replica that forward runs, of whose ops "
        "TensorFlow tells from 2.1 on. Call the override in what the replica runs, not around it.".format(
            title, op.type, op.name
        )
    )


def check_used(title, rules, found):
    """Raise ValueError where a gradient was used for no op.

    Args:
      title: how error messages call the override.
      rules: op type -> its gradient; what is the same for several types ({"Add": f, "AddV2": f} is how to say what has
        had two names) needs to be used for one of them.
      found: a `Found`.
    """
    used = {id(rules[op_type]) for op_type in found.overridden}
    idle = [op_type for op_type, rule in rules.items() if id(rule) not in used]
    taken = [op_type for op_type in idle if op_type in found.taken]
    if taken:
        raise ValueError(_already_has(title, taken[0], found.taken[taken[0]]))
    if idle:
        raise ValueError(_nowhere(title, idle, found.types, rules))


def _already_has(title, op_type, gradient):
    titles = [rule.title for name, rule in list(gradients_of_ops.items()) if stands_for(gradient, name)]
    return (
        "{}: every {} op in forward already has a gradient of {}, and the innermost override holds. Leave {!r} out "
        "here or there, or say on_unused='ignore'.".format(
            title, op_type, titles[0] if titles else "the name {!r}".format(gradient), op_type
        )
    )


def _nowhere(title, idle, types, rules):
    elsewhere = [op_type for op_type in idle if op_type in types]
    if elsewhere:
        return (
            "{}: none of the {} ops that were added to the graph meanwhile is forward's: another thread builds in this "
            "graph, or forward has threads of its own build.".format(title, elsewhere[0])
        )
    lowered = {found.lower(): found for found in types if found not in rules}
    hints = []
    for op_type in idle:
        close = difflib.get_close_matches(op_type.lower(), list(lowered), n=1)
        hints.append("{!r}{}".format(op_type, " (did you mean {!r}?)".format(lowered[close[0]]) if close else ""))
    return (
        "{}: forward has no op of the type{} {}. The op types in it are: {}. (on_unused='ignore' lets that be.)".format(
            title, "s" if len(idle) > 1 else "", ", ".join(hints), ", ".join(sorted(types)) or "none at all"
        )
    )
