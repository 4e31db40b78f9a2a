"""What stands in for formulas that a case does not state: values and gradients measured in the plainest mode there is.

That mode is eager, or a plain graph where the process has none. The other ways are then held to it.
"""

import numpy as np

from compat_grad.testing import mode as modes
from compat_grad.testing.case import is_floating
from compat_grad.testing.program import Program, as_outputs, dense, function_of, real_arrays


def plainest_mode():
    """Return the mode that the others are measured against."""
    return modes.EAGER if modes.EAGER.lacks is None else modes.GRAPH


def complete(case):
    """See to it that a case has formulas, or what stands in for them."""
    if case.lacks_formulas:
        if case.captures and case.is_made and plainest_mode() is modes.GRAPH:
            raise TypeError(
                "{} has variables, and a graph must make them for itself: pass made_by(make), where make() returns "
                "it.".format(case.name)
            )
        measured = _Measured(case)
        case.fill_in(measured.value, measured.gradient)
        case.expected()  # measured now, before some mode opens a graph


class _Measured:
    """Formulas of a case that run TensorFlow."""

    def __init__(self, case):
        self._case = case
        self._given = case.variables + case.inputs

    def value(self, *arrays):
        """Return the outputs for these arrays, which may come in float64."""

        def program(differentiate, *tensors):
            return as_outputs(function_of(self._case)(*tensors))

        return [np.asarray(array) for array in self._run(program, arrays)]

    def gradient(self, *arrays_and_weights):
        """Return the gradients for these arrays and weights of the floating outputs."""
        arrays, weights = arrays_and_weights[: len(self._given)], arrays_and_weights[len(self._given) :]
        left = iter(weights)
        placed = [next(left) if is_floating(output) else None for output in self.value(*arrays)]

        def program(differentiate, *tensors):
            f, at = Program(self._case, function_of(self._case), 1).of_floating(tensors)
            _, gradients = differentiate(f, at, [part for weight in placed for part in real_arrays(weight)])
            return dense(gradients, at)

        return self._run(program, arrays)

    def _run(self, program, arrays):
        mode, n = plainest_mode(), len(self._case.variables)
        own = [np.asarray(array, given.dtype) for array, given in zip(arrays, self._given)]
        with mode.scope():
            return mode.run(program, *own[n:], variables=own[:n])
