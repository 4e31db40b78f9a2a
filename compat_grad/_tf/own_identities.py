"""The identities that TensorFlow builds of itself, where functions, branches and loops begin or end in a graph.

A program did not ask for them, and in eager mode there are none: a gradient of "Identity" is not for them. Those of
TensorFlow 1's control flow (`Switch`, `Merge`) are left as a graph had them. Knows nothing of what gradients there are.
"""

import sys

from compat_grad._tf.registry import AttrValue, attribute

_WITH_BODIES = frozenset(("If", "StatelessIf", "Case", "StatelessCase", "While", "StatelessWhile"))
_LEFT = "_compat_grad_left"


def is_identity_of_tensorflow(op):
    """Whether TensorFlow has built op, which was built just now, for what a function, branch or loop returns."""
    if op.type != "Identity":
        return False
    return op.inputs[0].op.type in _WITH_BODIES or _returns_from_function()


def _returns_from_function():
    """Whether `AutomaticControlDependencies.mark_as_return` is what is building an op."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "mark_as_return":
            return frame.f_globals.get("__name__", "").endswith("python.framework.auto_control_deps")
        frame = frame.f_back
    return False


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
