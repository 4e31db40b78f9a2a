"""Running forward: on inputs that no tape watches, so that its own ops never reach the gradient.

The inputs are detached instead of stopping all recording, because a forward may use tapes of its own (an inner
optimisation, a force as the gradient of an energy), also inside functions that are traced for the first time here, and
because functions that are traced already tell their variables only where recording is on. What outer tapes have
recorded nevertheless, from captured variables, they are told to forget.
Knows nothing of strategies.
"""

import functools
import inspect

from compat_grad import _tf
from compat_grad._tf import tf
from compat_grad.call import structure
from compat_grad.call.variables import call_and_watch


def run_forward(forward, inputs, mode):
    """Call forward(); return (its flat outputs, the way back, the trainable variables that it captured).

    Args:
      forward: the call of the user's function on detached inputs, returning (tensors, pack).
      inputs: the detached inputs, behind which no variable counts as captured.
      mode: the current mode.
    """
    if mode is not _tf.EAGER:
        (outputs, pack), variables = call_and_watch(forward, inputs, mode)
        return outputs, pack, variables
    number = _tf.new_number()
    (outputs, pack), variables = _tf.told_of_reads(forward)
    if variables:  # from which tapes have recorded what depends on them
        _tf.forget_tensors_since(number)
    return outputs, pack, list(variables)


def run_surrogate(surrogate, mode):
    """Return surrogate(), which is differentiated natively; where recording is stopped, who did so hears its reads."""
    if mode is not _tf.EAGER or not _tf.recording_is_stopped():
        return surrogate()
    number = _tf.new_number()
    result, _ = _tf.told_of_reads(surrogate)
    _tf.forget_tensors_since(number)
    return result


def follow_autograph(function, mode):
    """Return function converted by AutoGraph where the code that calls us is being converted."""
    if mode is not _tf.FUNCTION or not _tf.autograph_converts() or _tf.left_alone_by_autograph(function):
        return function
    return _converted(function)


def _converted(function):
    # As a partial, whatever it is (function, object, layer, tf.function) meets what AutoGraph does with it when it is
    # called; handed over as it is, tf_convert would replace it in place behind TensorFlow's decorators.
    called = functools.partial(function)
    called.__signature__ = _OF_ANYTHING  # which AutoGraph else works out, for nobody
    return _tf.convert_by_autograph(called)


_OF_ANYTHING = inspect.signature(lambda *args, **kwargs: None)


def run_again(function):
    """Return function as it is to be called while a gradient is built, which is when AutoGraph converts nothing."""
    mode = _tf.current_mode()
    if mode is not _tf.FUNCTION:
        return function
    with _tf.autograph_enabled():  # for what is called later, too, which only what is converted remembers
        return _converted(function) if _tf.autograph_converts() else function


def detach(inputs):
    """Return inputs in a graph as tensors that no tape and no forward-mode accumulator follows back to the caller's."""
    # A tape may record forward's ops: connecting replaces the outputs, so nothing leads to the record, and forward adds
    # no op. Only forward mode would compute (and may fail to find) the native tangents right away.
    if _tf.tangents_flow(inputs):
        with _tf.stop_recording():
            # One op each: of one over all of them each would seem to wait for what the others read (strategies.order).
            return [_tf.add_identity_n([tensor], "detached", {}).outputs[0] for tensor in inputs]
    return inputs


def disconnect(outputs):
    """Return the outputs of a call that was passed nothing to tie them to: what it captured is a constant."""
    return [tf.stop_gradient(output) if _tf.differentiable(output) else output for output in outputs]


def flatten_outputs(result, title, was_given_tensors=True):
    """Return (tensors, pack) of what forward returned; None stays, everything else becomes a tensor.

    A forward that was given none may return what it likes: what is no tensor stays as it is.

    Raises:
      TypeError: a leaf cannot become a tensor.
    """
    if _tf.is_tensor_type(type(result)):
        return [result], _ONE_TENSOR
    if not was_given_tensors:
        return _flatten_tensors(result, title)
    parts = []
    skeleton = structure.take_apart(result, parts)
    positions = [index for index, part in enumerate(parts) if part is not None]
    return [_as_tensor(parts[index], title) for index in positions], Outputs(skeleton, len(parts), positions)


def _flatten_tensors(result, title):
    parts = []
    skeleton = structure.take_apart(result, parts)
    positions = [index for index, part in enumerate(parts) if _is_tensor_or_variable(type(part))]
    kept = [None if index in positions else part for index, part in enumerate(parts)]
    if not positions:
        return [], lambda outputs: result
    return [_as_tensor(parts[index], title) for index in positions], Outputs(skeleton, len(parts), positions, kept)


def _is_tensor_or_variable(cls):
    return _tf.is_tensor_type(cls) or _tf.is_variable_type(cls)


class OneTensor:
    """The way back from the flat outputs of a forward that returns a tensor, the common case."""

    composites = None

    def __call__(self, outputs):
        return outputs[0]

    def structure(self):
        return "tensor"


_ONE_TENSOR = OneTensor()


class Outputs:
    """The way back from the flat output tensors to the structure that forward returned.

    Attributes:
      composites: where there are composite tensors among the outputs, the skeletons of the leaves that are tensors,
        for `structure.join`; otherwise None.
    """

    def __init__(self, skeleton, n_parts, positions, parts=None):
        self._parts = parts or [None] * n_parts  # with None for the tensors
        self._positions = positions  # of the tensors among the parts
        self._skeleton = skeleton
        self._build = structure.builder(skeleton)
        leaves = structure.leaf_skeletons(skeleton)
        self.composites = None
        if len(leaves) != n_parts or not all(isinstance(leaf, type) for leaf in leaves):
            self.composites = structure.of_parts(leaves, positions)

    def __call__(self, outputs):
        parts = list(self._parts)
        for position, output in zip(self._positions, outputs):
            parts[position] = output
        return self._build(iter(parts))

    def structure(self):
        """Return a readable text that is the same for the same structures."""
        names = ["tensor" if index in self._positions else "None" for index in range(len(self._parts))]
        return structure.text(self._skeleton, iter(names))


def _as_tensor(leaf, title):
    try:
        return tf.convert_to_tensor(leaf)
    except (TypeError, ValueError):
        raise TypeError(
            "{}: forward returned {!r} ({}), which is neither None nor something that TensorFlow can make a tensor "
            "of. Return only tensors, in any structure.{}".format(
                title, leaf, type(leaf).__name__, _OF_CUSTOM_GRADIENT if callable(leaf) else ""
            )
        ) from None


_OF_CUSTOM_GRADIENT = (
    " If it is the gradient, as tf.custom_gradient wants it (return y, grad): return y alone, and give the gradient as "
    "backward, a function of (op, *output_grads) which finds in op.inputs and op.outputs what grad had around it."
)
