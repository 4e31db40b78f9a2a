"""``op.native_gradient`` of a whole function: what forward itself would have given, forward run once more.

Knows nothing of strategies.
"""

import reprlib

from compat_grad import _tf
from compat_grad._tf import tf
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
      ValueError: too few or too many output_gradients, or one that is no gradient of its output.
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
    for index, (leaf, gradient) in enumerate(zip(leaves, gradients)):
        first = len(of_parts)
        if isinstance(leaf, type):
            of_parts.append(_checked(title, index, gradient, parts[first]))
            continue
        try:
            its_parts = parts[first : first + leaf.n_parts]
            split = split_gradient(leaf, gradient, its_parts)
            of_parts.extend([_checked(title, index, *pair) for pair in zip(split, its_parts)])
        except WrongCount as error:
            raise ValueError("{}: op.native_gradient: {}.".format(title, error)) from None
    return of_parts


def _checked(title, index, gradient, output):
    """Return the gradient of an output: TensorFlow itself would broadcast one of another shape."""
    if gradient is None or not _tf.differentiable(output):
        return None
    if isinstance(gradient, _tf.IndexedSlices):
        fits = gradient.dtype.base_dtype == output.dtype.base_dtype and _tf.slices_fit(gradient, output)
    else:
        try:
            gradient = tf.convert_to_tensor(gradient)
            fits = _tf.same_dtype_and_shape(gradient, output)
        except (TypeError, ValueError):  # not even a tensor
            fits = False
    if not fits:
        raise ValueError(
            "{}: op.native_gradient was given {} as the gradient of output {}, a {} of shape {}. It takes the "
            "gradients that backward is given, or others of their dtypes and shapes.".format(
                title, reprlib.repr(gradient), index, output.dtype.name, _tf.shape_text(output)
            )
        )
    return gradient
