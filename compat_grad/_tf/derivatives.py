"""TensorFlow's own derivatives of a function: by a tape in eager mode, by tf.gradients in graphs."""

import inspect

from compat_grad._tf.autograph import not_converted
from compat_grad._tf.functions import call_traced, new_function
from compat_grad._tf.lookup import tf, v1
from compat_grad._tf.modes import executing_eagerly
from compat_grad._tf.tapes import GradientTape, copy
from compat_grad._tf.tensors import conj, dense, differentiable, flowing


def native_gradients(function, inputs, variables, output_gradients):
    """Return a gradient (a tensor, IndexedSlices or None) for each of inputs, then one for each of variables.

    Derivatives of the result go on through inputs and output_gradients.

    Args:
      function: from a list of tensors to a list of tensors.
      inputs: list of tensors.
      variables: list of trainable variables that function reads.
      output_gradients: one for each of function's outputs; None where there is none.
    """
    positions = flowing(inputs)

    def of_flowing(tensors):  # copies, because two inputs may be one tensor
        copies = list(inputs)
        for position, tensor in zip(positions, tensors):
            copies[position] = tensor
        return function(copies)

    sources = [copy(inputs[position]) for position in positions]
    differentiate = _by_tape if executing_eagerly() else _by_gradients
    found = differentiate(of_flowing, sources, variables, output_gradients)
    if executing_eagerly() and _all_none(found) and not _tapes_record():
        found = _in_function(of_flowing, sources, variables, output_gradients)
    gradients = [None] * len(inputs) + found[len(sources) :]
    for position, gradient in zip(positions, found):
        gradients[position] = gradient
    return gradients


def _targets(outputs, output_gradients):
    """Return (the outputs that gradients flow from, their gradients)."""
    pairs = list(zip(outputs, output_gradients))
    pairs = [pair for pair in pairs if pair[1] is not None and differentiable(pair[0])]
    return [output for output, _ in pairs], [gradient for _, gradient in pairs]


def _by_gradients(function, sources, variables, output_gradients):
    targets, weights = _targets(function(sources), output_gradients)
    if not targets or not sources + variables:
        return [None] * len(sources + variables)
    return list(v1.gradients(targets, sources + variables, weights))


# Such a tape takes lists of targets for sure; up to 1.7 it takes one tensor, up to 1.6 without its gradient.
_tapes_take_lists = (
    GradientTape is not None and "unconnected_gradients" in inspect.signature(GradientTape.gradient).parameters
)


def _by_tape(function, sources, variables, output_gradients):
    with GradientTape() as tape:
        for tensor in sources:
            tape.watch(tensor)
        targets, weights = _targets(function(sources), output_gradients)
        weights = [dense(*pair) for pair in zip(weights, targets)]  # tapes of 2.10 take no IndexedSlices
        if targets and not _tapes_take_lists:
            target = tf.add_n([_product(target, weight) for target, weight in zip(targets, weights)])
    if not targets or not sources + variables:
        return [None] * len(sources + variables)
    if not _tapes_take_lists:
        return list(tape.gradient(target, sources + variables))
    return list(tape.gradient(targets, sources + variables, output_gradients=weights))


def _product(target, weight):
    """Return a number whose gradient, by target, is weight."""
    return tf.cast(tf.reduce_sum(target * conj(weight)), tf.complex128)


def _tapes_record():
    """Whether tapes that are opened here record: in eager forward mode, those that a backward opens do not."""
    one = tf.constant(1.0)
    return not _all_none(_by_tape(lambda ones: [copy(ones[0])], [one], [], [one]))


def _all_none(gradients):
    return all(gradient is None for gradient in gradients)  # to compare tensors is an op


def _in_function(function, sources, variables, output_gradients):
    """Return the gradients where no tape records: a call of a traced function is recorded nevertheless."""
    given = [position for position, gradient in enumerate(output_gradients) if gradient is not None]

    @not_converted
    def traced(*tensors):
        weights = [None] * len(output_gradients)
        for position, tensor in zip(given, tensors[len(sources) :]):
            weights[position] = tensor
        return _by_gradients(function, list(tensors[: len(sources)]), variables, weights)

    weights = [tf.convert_to_tensor(output_gradients[position]) for position in given]
    return list(call_traced(new_function(traced), sources + weights))
