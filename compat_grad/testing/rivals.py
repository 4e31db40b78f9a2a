"""What TensorFlow's own means make of a case, in each mode: `tf.custom_gradient`, and a legacy `gradient_override_map`.

Written as their users write them; for the comparison's page, which shows them beside the override. Nothing here fails
a test: that they are wrong where an override is right is what it is for.
"""

import collections
import inspect
import types
import uuid

import numpy as np

from compat_grad._tf import register_gradient, tf, v1
from compat_grad.testing import mode as modes
from compat_grad.testing.check import is_close
from compat_grad.testing.measured import complete
from compat_grad.testing.mismatch import worst_of
from compat_grad.testing.program import Program, without_gradient

RIGHT = "right"


class NoWords(BaseException):  # no error of the rival's, which AutoGraph would take for one
    """A rival has no way to say what the case is."""


def by_custom_gradient(forward, backward=None, surrogate=None, combine="add", **options):
    """Return forward with its gradient by `tf.custom_gradient`."""
    if not callable(backward) or options or not hasattr(tf, "custom_gradient"):
        raise NoWords()

    @tf.custom_gradient
    def function(*inputs):
        outputs = forward(*inputs)
        op = types.SimpleNamespace(inputs=list(inputs), outputs=_listed(outputs))

        def gradient(*output_gradients):
            return backward(op, *output_gradients)

        def gradient_with_variables(*output_gradients, variables=None):
            return backward(op, *output_gradients, variables=variables)

        return outputs, gradient_with_variables if _takes_variables(backward) else gradient

    return function


def by_override_map(forward, backward=None, surrogate=None, combine="add", **options):
    """Return forward under a map: of its ops, or of an IdentityN behind it that has its inputs, too."""
    if options or not (callable(backward) or isinstance(backward, dict)):
        raise NoWords()
    if isinstance(backward, dict):
        return _in_a_map(forward, {op_type: _registered(gradient) for op_type, gradient in backward.items()})
    if not hasattr(tf, "identity_n") or _takes_variables(backward):
        raise NoWords()

    def function(*inputs):
        outputs = forward(*inputs)
        listed = _listed(outputs)

        def gradient(op, *output_gradients):
            seen = types.SimpleNamespace(inputs=op.inputs[len(listed) :], outputs=op.inputs[: len(listed)])
            return [None] * len(listed) + _listed(backward(seen, *output_gradients[: len(listed)]))

        identity = _in_a_map(tf.identity_n, {"IdentityN": _registered(gradient)})
        passed = identity(listed + list(inputs))[: len(listed)]
        return passed if isinstance(outputs, (list, tuple)) else passed[0]

    return function


RIVALS = collections.OrderedDict(
    [("tf.custom_gradient", by_custom_gradient), ("gradient_override_map", by_override_map)]
)


def verdicts(case):
    """Return {rival: {mode: RIGHT, or what came instead}} for those that have words for the case."""
    if case.is_plain:
        return {}
    complete(case)
    found = collections.OrderedDict()
    for rival, make in RIVALS.items():
        try:
            function = case.function(_with_nothing_native(case, make))
        except NoWords:
            continue
        here = [mode for mode in modes.ALL if mode.lacks is None]
        try:
            found[rival] = {mode.name: _verdict(case, function, mode) for mode in here}
        except NoWords:  # said in building
            continue
    return found


def _verdict(case, function, mode):
    try:
        with mode.scope():
            found = Program(case, function, 1).run_in(mode)
    except Exception as error:  # whatever the user of the rival would meet
        return "{}: {}".format(type(error).__name__, " ".join(str(error).split())[:160])
    expected = case.expected()
    for order, wanted in (("value", expected.real_value()), ("first", expected.first)):
        if not all(is_close(case, *pair) for pair in zip(found[order], wanted)):
            return "wrong {}: {}".format(order, worst_of(found[order], _as_found(wanted, found[order])))
    return RIGHT


def _as_found(wanted, found):
    """Return the float64 results of formulas in the dtypes of what was found."""
    return [w if w is None or f is None else np.asarray(w).astype(f.dtype) for w, f in zip(wanted, found)]


def _with_nothing_native(case, make):
    """Return make, where the native gradient cannot pass for the case's own."""

    def override(forward, *args, **definition):
        return make(without_gradient(forward) if case.true_gradient else forward, *args, **definition)

    return override


def _in_a_map(function, mapping):
    def mapped(*inputs):
        with v1.get_default_graph().gradient_override_map(mapping):
            return function(*inputs)

    return mapped


def _registered(gradient):
    if isinstance(gradient, str):
        return gradient
    name = "Rival-" + uuid.uuid4().hex
    register_gradient(name)(gradient)
    return name


def _takes_variables(backward):
    return "variables" in inspect.signature(backward).parameters


def _listed(outputs):
    if isinstance(outputs, dict):
        raise NoWords()
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
