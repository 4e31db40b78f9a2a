"""The identities that TensorFlow builds of itself, where functions, branches and loops begin or end in a graph.

A program did not ask for them, and in eager mode there are none: a gradient of "Identity" is not for them. Those of
TensorFlow 1's control flow (`Switch`, `Merge`) are left as a graph had them. Knows nothing of what gradients there are.
"""

import sys

from compat_grad._tf.registry import AttrValue, attribute

#: The modules that call tf.identity for what a function, branch or loop returns, and those between them and it.
_BUILDERS = frozenset(("auto_control_deps", "cond_v2", "func_graph", "while_v2"))
_BETWEEN = frozenset(("array_ops", "dispatch", "traceback_utils", "weak_tensor_ops"))
_LEFT = "_compat_grad_left"


def is_identity_of_tensorflow(op):
    """Whether TensorFlow has built op, which is being built just now, for what a function, branch or loop returns.

    Not by what op stands behind: a program's own may stand right behind a loop.
    """
    return op.type == "Identity" and _who_calls_identity() in _BUILDERS


def _who_calls_identity():
    """Return the module of TensorFlow that has called the tf.identity which is building an op; None for another's."""
    frame = sys._getframe(1)
    while frame is not None and not (frame.f_code.co_name == "identity" and _module(frame) == "array_ops"):
        frame = frame.f_back
    while frame is not None and _module(frame) in _BETWEEN:
        frame = frame.f_back
    return frame and _module(frame)


def _module(frame):
    name = frame.f_globals.get("__name__", "")
    return name.rpartition(".")[2] if name.startswith("tensorflow") else None


def leave_native(op, names):
    """Say on op, for those who know but its node, that it shall have its own gradient, and not one of these names."""
    if attribute(op, "_gradient_op_type") in names:
        op._clear_attr("_gradient_op_type")
    if not is_left_native(op):
        op._set_attr(_LEFT, AttrValue(s=b"native"))


def is_left_native(op):
    """Whether that is said on op."""
    return attribute(op, _LEFT) is not None


def node_is_left_native(node_def):
    """Whether that is said on the node of an op."""
    return _LEFT in node_def.attr
