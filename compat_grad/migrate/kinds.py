"""The kinds of legacy gradient code: what each does, where it stops working and how, and what replaces it.

Where and how were measured on TensorFlow's wheels (1.12, 1.15, 2.4, 2.22; CPU). Knows nothing of source code.
"""

import collections

from compat_grad.renamed import RENAMED

SILENT, RAISES, INEXACT, LEAKS = "silently wrong", "raises", "inexact", "leaks"

Break = collections.namedtuple("Break", "where how what")
Break.__doc__ = """Where code stops working. where: TensorFlow and mode; how: one of the four; what: a sentence."""

Kind = collections.namedtuple("Kind", "key title does breaks instead")
Kind.__doc__ = """A kind of legacy gradient code.

key: its name in reports, a rule's name in SARIF; does: what it does, a sentence; breaks: list of `Break`; instead: the
override that replaces it, a sentence or a line of code.
"""

_EAGER = "TensorFlow 2 (and 1.x with eager execution), eager mode"
_TAPE_INSIDE = "TensorFlow 2, tape inside a tf.function"
_VECTORIZED = "TensorFlow 2, tf.vectorized_map inside the tape"

_IGNORED = [
    Break(_EAGER, SILENT, "The map is state of a graph, and there is none: the native gradient comes out."),
    Break(_TAPE_INSIDE, SILENT, "The tape looks gradients up by op type alone: the native gradient comes out."),
    Break(_VECTORIZED, SILENT, "The parallel-for converter rebuilds ops without their override."),
]

KINDS = collections.OrderedDict(
    (kind.key, kind)
    for kind in (
        Kind(
            "override-map",
            "Graph.gradient_override_map",
            "Gives every op of some types that is created in its scope another registered gradient.",
            _IGNORED,
            "override_gradient(forward, {op type: gradient}), or override_gradient(op, gradient) for a single op",
        ),
        Kind(
            "py-func-gradient",
            "py_func under gradient_override_map",
            "Gives a tf.py_func, which has no gradient, one under a registered name.",
            [
                Break(_EAGER, SILENT, "The map is ignored and the gradient is None: nothing flows to the inputs."),
                Break(_TAPE_INSIDE, SILENT, "The map is ignored and the gradient is None."),
            ],
            "@override_gradient(backward=gradient) on the function that calls tf.py_func; no name, nothing registered",
        ),
        Kind(
            "register-gradient",
            "tf.RegisterGradient",
            "Registers a gradient function under a name, for gradient_override_map or for an op of one's own.",
            [
                Break(
                    "every TensorFlow, a second time in one process (a notebook cell, a module loaded again)",
                    RAISES,
                    "KeyError: the name is registered already, and the registry forgets nothing.",
                )
            ],
            "override_gradient(forward, gradient_function): the function is taken as it is, registered or not",
        ),
        Kind(
            "defun-gradient",
            "Defun with a gradient of its own",
            "Makes a graph function whose gradient is a Python function or another Defun.",
            [
                Break(_EAGER, RAISES, "AttributeError: Tensor.op is undefined when eager execution is enabled."),
                Break(_TAPE_INSIDE, SILENT, "The gradient is None: nothing flows to the inputs."),
            ],
            "@override_gradient(backward=gradient) on the plain function; any dtype, static shapes are kept",
        ),
        Kind(
            "custom-gradient",
            "tf.custom_gradient",
            "Pairs a function with the gradient that it returns beside its value.",
            [
                Break(
                    "graphs and tf.function, TensorFlow 2.4 to 2.22",
                    LEAKS,
                    "Each call registers a name for good, whose closure keeps the traced graph alive.",
                ),
            ],
            "@override_gradient(backward=gradient): forward and backward side by side, backward reads op.inputs",
        ),
        Kind(
            "stop-gradient-trick",
            "the stop_gradient trick",
            "Takes the value of one expression and the gradient of another.",
            [
                Break(
                    "every TensorFlow",
                    INEXACT,
                    "The value is the rounded sum of a difference (off in the last place for 8 of 10 float32 points); "
                    "-0.0 becomes +0.0, and a surrogate that is infinite makes it NaN.",
                )
            ],
            "override_gradient(f, surrogate=g): the value is f's own, to the bit",
        ),
        Kind(
            "stop-gradient-ratio",
            "the stop_gradient trick, multiplied",
            "Takes the value of one expression and the relative gradient of another.",
            [
                Break(
                    "every TensorFlow",
                    INEXACT,
                    "The value is rounded twice, and NaN where the divisor is 0 or infinite.",
                )
            ],
            'override_gradient(f, surrogate=g, combine="multiply"): the value is f\'s own, to the bit',
        ),
        Kind(
            "registry-patch",
            "TensorFlow's own registry of gradients, reached into",
            "Replaces or removes registered gradients, for the whole process.",
            [
                Break(
                    "from one TensorFlow to the next",
                    RAISES,
                    "The registry is private: its name and its entries have changed, and may again.",
                ),
                Break(
                    "every TensorFlow",
                    SILENT,
                    "Everything else in the process gets the patched gradient too, until it is put back.",
                ),
            ],
            "override_gradient(model, {op type: gradient}), which changes no one else's gradients",
        ),
        Kind(
            "library-helper",
            "a helper of another library for overriding gradients",
            "Overrides gradients by one of the mechanisms above, behind a name of its own.",
            _IGNORED[:2],
            "override_gradient",
        ),
    )
)

#: The op types of which a map must be looked at: TensorFlow has renamed them, or other ops have come beside them.
RENAMED_OPS = {old: now for old, now in RENAMED.items() if now.met is not None}

#: Helpers of other libraries, by their qualified names: -> what they are.
HELPERS = {
    "lucid.misc.gradient_override.gradient_override_map": "Lucid's gradient_override_map, which takes functions",
    "lucid.misc.gradient_override.use_gradient": "Lucid's use_gradient, a py_func under an override map",
    "lucid.misc.redirected_relu_grad": "Lucid's redirected gradients of ReLU",
    "lucid.optvis.overrides": "Lucid's overrides for visualisation",
    "tensor2tensor.layers.common_layers.fn_with_custom_grad": "tensor2tensor's custom gradient by Defun",
    "tensor2tensor.utils.fn_with_custom_grad": "tensor2tensor's custom gradient by Defun",
    "tensor2tensor.layers.common_layers.convert_gradient_to_tensor": "tensor2tensor's Defun that densifies a gradient",
    "tensorflow.contrib.layers.recompute_grad": "contrib's recompute_grad, a Defun",
    "tensorflow.contrib.layers.rev_block": "contrib's reversible block, a Defun",
    "tensorflow.grad_pass_through": "tf.grad_pass_through, a tf.custom_gradient around a function",
    "tensorflow_probability.math.custom_gradient": "TensorFlow Probability's custom_gradient",
}
