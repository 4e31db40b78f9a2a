"""``op.native_gradient`` of a whole function: what forward itself would have given, forward run once more.

Knows nothing of strategies.
"""

from compat_grad import _tf
from compat_grad.call.composites import WrongCount, join_gradients, split_gradient
from compat_grad.call.forward import flatten_outputs, run_again
from compat_grad.call.traced import alive


def native_gradients(call, inputs, outputs, output_gradients):
    """Return forward's own gradients in the form in which backward returns gradients.

    Args:
      call: a `BackwardCall`.
      inputs, outputs: the tensors that its arguments and outputs are made of.
      output_gradients: one for each output, composite tensors whole; None where there is none.

    Raises:
      ValueError: too few or too many output_gradients.
    """
    layout, rule, inputs, variables = call.layout, call.rule, list(inputs), list(call.variables)
    leaves = call.composites or [type(output) for output in outputs]
    of_outputs = _of_parts(rule.title(), leaves, outputs, output_gradients)

    def forward(copies):
        args, kwargs = layout.call_with(call.parts, copies)
        result = run_again(rule.forward)(*alive(call.own), *args, **kwargs)
        return flatten_outputs(result, rule.title())[0]

    gradients = _tf.native_gradients(forward, inputs, variables, of_outputs)
    if not rule.accepts_indexed_slices:
        gradients = [_tf.dense(gradient, like) for gradient, like in zip(gradients, inputs + variables)]
    of_leaves = [None] * len(layout.leaves)
    leaves = [layout.leaves[position] for position in layout.tensor_leaves]
    for position, gradient in zip(layout.tensor_leaves, join_gradients(leaves, inputs, gradients[: len(inputs)])):
        of_leaves[position] = gradient
    return (of_leaves, gradients[len(inputs) :]) if variables else of_leaves


def _of_parts(title, leaves, parts, gradients):
    """Return a gradient, or None, for each part of leaves whose gradients are given."""
    if len(gradients) != len(leaves):
        raise ValueError(
            "{}: op.native_gradient takes a gradient for each of {} output{}, and was given {}.".format(
                title, len(leaves), "" if len(leaves) == 1 else "s", len(gradients)
            )
        )
    of_parts = []
    for leaf, gradient in zip(leaves, gradients):
        if isinstance(leaf, type):
            of_parts.append(gradient)
            continue
        try:
            of_parts.extend(split_gradient(leaf, gradient, parts[len(of_parts) : len(of_parts) + leaf.n_parts]))
        except WrongCount as error:
            raise ValueError("{}: op.native_gradient: {}.".format(title, error)) from None
    return of_parts
