"""What a case of the catalogue is: an override, its inputs, and what is expected of it, computed by NumPy in float64.

The scalar that is differentiated weighs every element of every output differently, and the second derivative every
element of every gradient, so that no mix-up cancels out. Nothing here knows of modes, strategies or TensorFlow.
"""

import collections
import sys

import numpy as np

from compat_grad.testing.code import call_around


class Catalogue(collections.OrderedDict):
    """The cases that have been declared: "family/name" -> `Case`. In a test module pytest makes tests of them all."""

    def cases(self):
        """Return the cases."""
        return list(self.values())


CATALOGUE = Catalogue()

#: In place of a formula for the second derivative: finite differences of the gradient's formula.
DIFFERENCES = "differences"

#: There is a second derivative, and nothing is known of it.
MEASURED = "measured"


class Family:
    """A named group of cases; a file declares one and adds to it. In a test module pytest makes tests of them."""

    def __init__(self, name):
        self.name = name

    def cases(self):
        """Return the cases of this family."""
        return [case for case in CATALOGUE.values() if case.family == self.name]

    def case(self, name, **definition):
        """Add a case to the catalogue; the keywords are those of `Case`."""
        case = Case(self.name, name, **definition)
        frame = sys._getframe(1)
        case.place = frame.f_code.co_filename, frame.f_lineno
        if case.key in CATALOGUE:
            raise ValueError("two cases are called {!r}".format(case.key))
        CATALOGUE[case.key] = case


class Case:
    """One override.

    Args:
      forward, backward, surrogate, combine: as `override_gradient` takes them, op-level backwards included. Or
        ``build``: a function that gets ``override(forward, backward, **options)`` (with the strategy at hand) and
        returns the function of the inputs. Or ``function``: any function of the inputs, with whatever gradient it has;
        ``make``: what makes one that has variables of its own.
      around: gets the override, returns the function of the inputs that is differentiated; the override by default.
      inputs: NumPy arrays, in the dtypes that TensorFlow gets.
      variables: initial values of trainable variables, which the function gets before the inputs.
      value: (variables and inputs in float64) -> the outputs, a single array or a list.
      gradient: (variables and inputs, output gradients) -> one for each floating variable and input, None for none.
        With IEEE arithmetic on numbers of few bits, which is exact in every order; see ``ulps`` for the others.
        Without these two formulas, the plainest mode of the process is what the others are measured against.
      second: (variables and inputs, output gradients, weights of the gradients) -> the derivative of the weighted
        sum of the gradients; DIFFERENCES; or a text that says why there is none.
      ulps: how far two TensorFlows may be apart: 0 for arithmetic, the measured bound for transcendental functions.
      ulps_modes, ulps_second: how far the modes of one TensorFlow may be apart, and in the second derivative: 0, but
        where so many terms are added that TensorFlow's order of adding them shows.
      ulps_xla, ulps_vectorized: how far XLA's and vectorized_map's results may be from the others'.
      tolerance: how far results may be from the float64 formulas, in units of the dtype's epsilon of the largest.
      epsilon: the dtype's own, where inputs and outputs are wider than what is computed with.
      true_gradient: whether the override is forward's own derivative, which finite differences then confirm.
      linear: whether the gradient is linear in the output gradients; forward mode is defined only then.
      cannot: transformation, strategy or name of a way -> why this case has none.
      weigh: (list of arrays) -> the weights of their elements, which differ from one to the next by default.
      output_gradients: those of the outputs, in its place.
    """

    def __init__(
        self,
        family,
        name,
        forward=None,
        backward=None,
        surrogate=None,
        combine="add",
        build=None,
        function=None,
        make=None,
        around=None,
        inputs=(),
        variables=(),
        value=None,
        gradient=None,
        second=DIFFERENCES,
        ulps=0,
        ulps_modes=0,
        ulps_second=0,
        ulps_xla=None,
        ulps_vectorized=None,
        tolerance=4,
        epsilon=None,
        true_gradient=False,
        linear=True,
        cannot=None,
        weigh=None,
        output_gradients=None,
    ):
        self.family, self.name, self.key = family, name, "{}/{}".format(family, name)
        self._definition = dict(forward=forward, backward=backward, surrogate=surrogate, combine=combine)
        self._build, self._plain, self._make, self._around = build, function, make, around
        self.has_surrogate = surrogate is not None
        self.is_op_level = isinstance(backward, dict)
        self.variables = [np.asarray(array) for array in variables]
        self.inputs = [np.asarray(array) for array in inputs]
        self._value, self._gradient, self._second = value, gradient, second
        self.weigh, self.output_gradients = weigh or weights_like, output_gradients
        self.differentiated = [i for i, array in enumerate(self.variables + self.inputs) if is_floating(array)]
        self.ulps = ulps
        self.ulps_modes = ulps_modes
        self.ulps_second = ulps_second
        self.ulps_xla = ulps if ulps_xla is None else ulps_xla
        self.ulps_vectorized = ulps if ulps_vectorized is None else ulps_vectorized
        self.tolerance, self.epsilon = tolerance, epsilon
        self.true_gradient, self.linear = true_gradient, linear
        self.cannot = cannot or {}
        self._expected = None
        self.place = None  # file and line

    @property
    def code(self):
        """The text that declares the case."""
        return "" if self.place is None else call_around(self.place[0], self.place[1], "case")

    def function(self, override):
        """Return the function of the variables and inputs, made with ``override(forward, backward, **options)``."""
        if self.is_plain:
            return self._plain if self._make is None else self._make()
        if self._build is not None:
            return self._build(override)
        function = override(**self._definition)
        return function if self._around is None else self._around(function)

    @property
    def is_plain(self):
        """Whether there are no strategies to choose from."""
        return self._plain is not None or self._make is not None

    @property
    def captures(self):
        """Whether the function has variables of its own, which are differentiated as well."""
        return self._make is not None or hasattr(type(self._plain), "trainable_variables")

    @property
    def is_made(self):
        """Whether the function is the same object in every mode, made before."""
        return self._make is None

    @property
    def lacks_formulas(self):
        """Whether a formula is missing, in whose place something must be measured."""
        return self._value is None or self._gradient is None

    def fill_in(self, value, gradient):
        """Take these in place of missing formulas. There is nothing to hold second derivatives to then."""
        if self._gradient is None and not self.why_no_second:
            self._second = MEASURED
        self._value = self._value or value
        self._gradient = self._gradient or gradient

    @property
    def has_second(self):
        """Whether there is a second derivative."""
        return not self.why_no_second and self._second is not None

    @property
    def why_no_second(self):
        """Why there is no second derivative, or None."""
        return self._second if isinstance(self._second, str) and self._second not in (DIFFERENCES, MEASURED) else None

    def expected(self):
        """Return the `Expected` of the case's own inputs."""
        if self._expected is None:
            self._expected = Expected(self, self.variables + self.inputs)
        return self._expected


class Expected:
    """The float64 values, gradients and second derivatives of a case, and the weights that they belong to."""

    def __init__(self, case, arrays):
        self._case = case
        self._arrays = [np.asarray(in_float64(array)) for array in arrays]
        self.differentiated = case.differentiated
        self.value = as_list(case._value(*self._arrays))
        self.output_weights = case.output_gradients or case.weigh(self.value)
        #: a complex output counts as two real ones: (its number, the output gradient of one unit)
        self.parts = [(i, unit) for i, w in enumerate(self.output_weights) for unit in _units(w)]
        self.first = as_list(self._first(self._arrays, self.output_weights))
        self.first_weights = case.weigh(self.first)
        self.second = None
        if case._second == DIFFERENCES:
            self.second = self._differences(self.sum_of_gradients)
        elif case._second != MEASURED and not case.why_no_second:
            given = [w for w in self.first_weights if w is not None]
            self.second = as_list(case._second(*(self._arrays + self._floating_weights() + given)))

    def differences_of_value(self):
        """Return the gradient by finite differences of the value's formula."""
        return self._differences(self.sum_of_values)

    def real_value(self):
        """Return the outputs, the real and the imaginary part of complex ones."""
        return [v for value in self.value for v in ([value.real, value.imag] if value.dtype.kind == "c" else [value])]

    def jacobian(self, part):
        """Return, for each gradient, d part / d input: the output's shape, then the input's."""
        output, unit = self.parts[part]
        rows = []
        for index in range(self.value[output].size):
            weights = [None if w is None else np.zeros_like(w) for w in self.output_weights]
            weights[output].reshape(-1)[index] = unit
            rows.append(as_list(self._first(self._arrays, weights)))
        return [
            None if g is None else np.reshape([row[i] for row in rows], self.value[output].shape + g.shape)
            for i, g in enumerate(self.first)
        ]

    def tangent(self, part, tangents):
        """Return the derivative of a part along tangents, one array for each gradient."""
        shape = self.value[self.parts[part][0]].shape
        along = np.zeros(shape)
        for j, t in zip(self.jacobian(part), tangents):
            if j is not None:
                along = along + (np.conj(j) * t).real.reshape(shape + (np.size(t),)).sum(axis=-1)
        return along

    def _floating_weights(self):
        return [w for w in self.output_weights if w is not None]

    def _first(self, arrays, weights):
        return self._case._gradient(*(list(arrays) + [w for w in weights if w is not None]))

    def sum_of_values(self, arrays):
        """Return the weighted sum of the outputs for these inputs."""
        return inner(as_list(self._case._value(*arrays)), self.output_weights)

    def sum_of_gradients(self, arrays):
        """Return the weighted sum of the gradients for these inputs."""
        return inner(as_list(self._first(arrays, self.output_weights)), self.first_weights)

    def _differences(self, scalar):
        return [differences(scalar, self._arrays, position) for position in self.differentiated]


def differences(scalar, arrays, position, step=1e-3):
    """Return the derivative of scalar(arrays) with respect to one of arrays, by extrapolated central differences.

    For complex arrays in TensorFlow's convention: d/dre + i d/dim.
    """
    array = arrays[position]
    found = np.zeros_like(array)
    for index in np.ndindex(*array.shape):
        for unit in (1.0, 1j) if array.dtype.kind == "c" else (1.0,):

            def at(distance, index=index, unit=unit):
                moved = array.copy()
                moved[index] += distance * unit
                return scalar(arrays[:position] + [moved] + arrays[position + 1 :])

            found[index] += unit * extrapolated(at, step * max(1.0, abs(array[index])))
    return found


def extrapolated(at, step):
    """Return the derivative of at(distance) at 0, by central differences and Richardson's extrapolation.

    Of steps of 4, 2 and 1: what is left over goes with the sixth power of the step.
    """
    by_step = [(at(n * step) - at(-n * step)) / (2 * n * step) for n in (4, 2, 1)]
    once = [(4 * fine - coarse) / 3 for coarse, fine in zip(by_step, by_step[1:])]
    return (16 * once[1] - once[0]) / 15


def inner(arrays, weights):
    """Return the real sum of the products, imaginary parts weighted by imaginary parts."""
    return sum(np.sum((a * np.conj(w)).real) for a, w in zip(arrays, weights) if a is not None and w is not None)


_CYCLE = np.array([1.0, -2.0, 0.5, 3.0, -1.0, 0.25, 2.0, -0.5])


def weights_like(arrays):
    """Return for each floating array one of exact numbers of few bits, no two neighbours alike; None for the others."""
    weights = []
    for count, array in enumerate(arrays):
        if array is None or not is_floating(array):
            weights.append(None)
            continue
        line = np.resize(np.roll(_CYCLE, count), np.size(array)).reshape(np.shape(array))
        weights.append(line * (1.0 - 0.5j) if np.asarray(array).dtype.kind == "c" else line.copy())
    return weights


def ones_like(arrays):
    """Return ones for each floating array, None for the others."""
    return [None if a is None or not is_floating(a) else np.ones_like(in_float64(a)) for a in arrays]


def in_float64(array):
    """Return array in float64 or complex128 where it is floating."""
    array = np.asarray(array)
    if array.dtype.kind == "c":
        return array.astype(np.complex128)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _units(weight):
    if weight is None:
        return [None]
    return [1.0, 1j] if weight.dtype.kind == "c" else [1.0]


def is_floating(array):
    return np.asarray(array).dtype.kind in "fc"


def as_list(result):
    if isinstance(result, (list, tuple)):
        return [None if item is None else np.asarray(item) for item in result]
    return [None if result is None else np.asarray(result)]


def f32(*values):
    """Return a float32 array of these values (nested lists for more axes)."""
    return np.array(values[0] if len(values) == 1 else values, np.float32)
