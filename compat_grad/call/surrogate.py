"""The surrogate form: the value of one function with the gradient of another.

Ioffe's trick writes it with stop_gradient: ``stop(f) + (t - stop(t))`` ("add") or ``stop(f / t) * t`` ("multiply").
Here f's own outputs are tied to the surrogate's outputs t instead, so that the value is exact. Knows nothing of
strategies, tapes or graphs.
"""

from compat_grad import _tf
from compat_grad._tf import tf
from compat_grad.saving import recalled, told


def _add_gradient(gradient, value, target):
    return gradient


def _multiply_gradient(gradient, value, target):
    # The ratio is a constant of the trick, in every derivative: hence no gradient through it.
    return _tf.dense(gradient, target) * _tf.conj(tf.stop_gradient(value / target))


def _add_written_out(value, target):
    return tf.stop_gradient(value) + (target - tf.stop_gradient(target))


def _multiply_written_out(value, target):
    return tf.stop_gradient(value / target) * target


#: combine -> (gradient with respect to the surrogate's output, the trick written out in plain ops)
COMBINATIONS = {
    "add": (_add_gradient, _add_written_out),
    "multiply": (_multiply_gradient, _multiply_written_out),
}


class Tie:
    """The tie of forward's outputs to the surrogate's: the vector-Jacobian product between the two."""

    def __init__(self, name, combine, n_inputs):
        self.name = name
        self.n_inputs = n_inputs
        self._combine = combine
        self._gradient, self._written_out = COMBINATIONS[combine]

    def tell(self):
        """Return what another process needs to know of this."""
        return told.tell_surrogate(self.name, self._combine, self.n_inputs)

    def input_gradients(self, inputs, outputs, output_gradients, op_name):
        """Return a gradient for each of inputs, the surrogate's outputs; None where the dtype has none."""
        return [
            None if gradient is None or not _tf.differentiable(value) else self._gradient(gradient, value, target)
            for gradient, value, target in zip(output_gradients, outputs, inputs)
        ]

    def written_out(self, outputs, targets):
        """Return outputs with the gradient of targets in plain ops, exact to rounding."""
        return [
            self._written_out(value, target) if _tf.differentiable(value) else tf.stop_gradient(value)
            for value, target in zip(outputs, targets)
        ]


recalled.recall_surrogates(Tie)


def check_same(title, outputs, structure, targets, target_structure):
    """Raise ValueError unless the surrogate's outputs are like forward's, leaf by leaf."""
    if structure != target_structure:
        raise ValueError(
            "{}: forward returned the structure {}, the surrogate {}. Both must return the same.".format(
                title, structure, target_structure
            )
        )
    for index, (value, target) in enumerate(zip(outputs, targets)):
        if value.dtype.base_dtype != target.dtype.base_dtype:
            what = "dtype {}, the surrogate's {}".format(value.dtype.base_dtype.name, target.dtype.base_dtype.name)
        elif not value.shape.is_compatible_with(target.shape):
            what = "shape {}, the surrogate's {}".format(value.shape, target.shape)
        else:
            continue
        raise ValueError(
            "{}: forward's output {} has {}. Both must be alike (the trick would broadcast or fail); cast or reshape "
            "in the surrogate.".format(title, index, what)
        )
