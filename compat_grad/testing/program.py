"""A case as the program that a mode runs: values, gradients and second derivatives, computed at once."""

import itertools

from compat_grad import _tf, override_gradient
from compat_grad._tf import not_converted, tf, v1
from compat_grad.testing.composites import tensors_in


def program_of(case, strategy="auto", orders=2):
    """Return the `Program` of a case, to so many orders of derivatives as it has."""
    return Program(case, function_of(case, strategy), orders if case.has_second else min(orders, 1))


def function_of(case, strategy="auto"):
    """Return the function of a case's variables and inputs, its override by this strategy."""

    def override(forward, *args, **options):
        if case.true_gradient:  # so that the native gradient, which is the same, cannot pass for the override's
            forward = without_gradient(forward)
        return override_gradient(forward, *args, strategy=strategy, **options)

    return case.function(override)


def without_gradient(forward):
    return lambda *args: tf.stop_gradient(forward(*args))


class Program:
    """A case's function with the weights of its derivatives; complex outputs count as two real ones."""

    def __init__(self, case, function, orders):
        self._case = case
        self._function = function
        self._orders = orders

    def run_in(self, mode):
        """Return {order: [array or None]} as this mode computes it."""
        found = mode.run(self, *self._case.inputs, variables=self._case.variables)
        names = ("value", "first", "second")[: self._orders + 1]
        return {name: [None if g is None else g for g in part] for name, part in zip(names, found)}

    def __call__(self, differentiate, *tensors):
        """Return [outputs, gradients, second derivatives], each a flat list."""
        f, at = self.of_floating(tensors)
        if self._orders < 2:
            outputs, gradients = differentiate(f, at, self.weights())
            return [as_outputs(outputs), dense(gradients, at)]
        n_outputs, missing = [], []

        @not_converted
        def first(*at):
            outputs, gradients = differentiate(f, at, self.weights())
            outputs = as_outputs(outputs)
            n_outputs[:] = [len(outputs)]
            missing[:] = [gradient is None for gradient in gradients]
            return outputs + [part for g in dense(gradients, at) if g is not None for part in real_parts(g)]

        results, second = differentiate(first, at, _Later(n_outputs, self._gradient_weights(missing)))
        complexes = [x.dtype.is_complex for x in at]
        return self._sort(results, n_outputs[0], missing, complexes) + [dense(second, at)]

    def of_floating(self, tensors):
        """Return the function of the floating tensors alone, real outputs in a list, and those tensors.

        The function's own variables come after them: it does not look at what it gets for them.
        """
        at = self._case.differentiated

        @not_converted
        def f(*floating):
            placed = list(tensors)
            for position, tensor in zip(at, floating):
                placed[position] = tensor
            return [part for output in as_outputs(self._function(*placed)) for part in real_parts(output)]

        return f, [tensors[position] for position in at] + self._captured(tensors)

    def _captured(self, tensors):
        if not self._case.captures:
            return []
        self._function(*tensors)  # layers make their variables when they are first called
        return [tensorflow_variable(v) for v in self._function.trainable_variables]

    def weights(self):
        """The weight of each real output; None for one that is not floating."""
        return [part for weight in self._case.expected().output_weights for part in real_arrays(weight)]

    def _gradient_weights(self, missing):
        weights = [real_arrays(weight) for weight in self._case.expected().first_weights]
        return lambda: [part for parts, none in zip(weights, missing) if not none for part in parts]

    def _sort(self, results, n_outputs, missing, complexes):
        left = iter(results[n_outputs:])
        gradients = []
        for is_complex, none in zip(complexes, missing):
            if none:
                gradients.append(None)
            else:
                gradients.append(tf.complex(next(left), next(left)) if is_complex else next(left))
        return [list(results[:n_outputs]), gradients]


class _Later:
    """Weights of results whose number is known only once they have been computed: none for the outputs."""

    def __init__(self, n_outputs, weights):
        self._n_outputs, self._weights = n_outputs, weights

    def __iter__(self):
        return iter([None] * self._n_outputs[0] + self._weights())


def as_outputs(result):
    """Return the tensors that a function returned, and the components of composite ones, in a flat list."""
    return [tensor for _, tensor in tensors_in(result)]


def dense(gradients, inputs=None):
    """Return gradients with tensors in place of IndexedSlices, of the shapes of inputs where those tell none."""
    return [_tf.dense(*pair) for pair in zip(gradients, inputs or itertools.repeat(None))]


def real_parts(tensor):
    return [v1.real(tensor), v1.imag(tensor)] if tensor.dtype.is_complex else [tensor]


def tensorflow_variable(variable):
    """Return TensorFlow's variable, which those of Keras 3 hold as ``value`` (a method of TensorFlow's own)."""
    return variable if callable(variable.value) else variable.value


def real_arrays(weight):
    """Return a weight as those of the real outputs."""
    if weight is not None and weight.dtype.kind == "c":
        return [weight.real, weight.imag]
    return [weight]
