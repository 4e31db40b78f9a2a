"""A user's function and its inputs as a case: structures taken apart, what is no array left as it is.

Knows nothing of modes or assertions.
"""

import numpy as np

from compat_grad.testing.case import Case, is_floating
from compat_grad.testing.composites import Composite, as_input, is_composite, outline_of, tensors_in
from compat_grad.testing.structures import fill, leaves


class Variable:
    """An input that the function gets as a trainable variable with this value: ``as_variable(value)``."""

    def __init__(self, value):
        self.value = np.asarray(value)


def as_variable(value):
    """Have the function get this input as a trainable variable that starts with this value."""
    return Variable(value)


class MadeBy:
    """A function that is made anew in each mode: ``made_by(make)``."""

    def __init__(self, make):
        self.make = make
        self.name = getattr(make, "__name__", type(make).__name__)

    def __call__(self, *args, **kwargs):
        return self.make()(*args, **kwargs)


def made_by(make):
    """Have a layer or model made in each mode, as a graph needs it, which cannot use what eager mode made.

    ``make()`` must give it the same weights each time.
    """
    return MadeBy(make)


class Call:
    """A function of inputs.

    Args:
      function: any function of tensors, a Keras layer or model, a tf.Module with ``__call__``, an override;
        or what `made_by` returns.
      inputs: a list or tuple of its arguments, a dict of keyword arguments, or its only argument. Arrays, floats and
        complex numbers (float32 and complex64) become tensors; everything else reaches the function as it is. A
        ragged or sparse tensor or IndexedSlices is an array, of its values; in NumPy it is what a session gives for it.
      options: those of `Case`.

    Attributes:
      case: the `Case`.
      names: what each variable and input of the case is called.
      outline: the structure of what the function returned last (see `composites.filled`).
      output_names: what each of its tensors, and components of composite ones, is called.
      left_out: key of a mode -> why TensorFlow cannot compute the function in it.
    """

    def __init__(self, function, inputs, **options):
        if not callable(function):
            raise TypeError("the first argument is what is tested, a callable; got {!r}".format(function))
        self.function = function
        self.arguments = _arguments(inputs)
        self.outline, self.output_names = None, []
        self.left_out = {}
        found = [_named_input(*pair) for pair in leaves(self.arguments, "inputs")]
        self._kinds = [_kind(leaf) for _, leaf in found]
        self.names = [
            path for kind in (_VARIABLE, _TENSOR) for (path, _), own in zip(found, self._kinds) if own == kind
        ]
        variables = [_value(leaf) for (_, leaf), kind in zip(found, self._kinds) if kind == _VARIABLE]
        arrays = [_value(leaf) for (_, leaf), kind in zip(found, self._kinds) if kind == _TENSOR]
        self._found = found
        name = getattr(function, "__name__", None) or getattr(function, "name", None) or type(function).__name__
        options = dict(_BOUNDS, **dict(options, **self._callee()))
        self.case = Case("call", name, inputs=arrays, variables=variables, **options)
        if not self.case.differentiated and not self.case.captures:
            raise ValueError("none of the inputs of {} is a floating array: {!r}".format(name, inputs))

    @property
    def differentiated(self):
        """The names of what is differentiated with respect to; the function's own variables come after them."""
        return [self.names[i] for i in self.case.differentiated]

    def name_of_gradient(self, index):
        """Return what the gradient of this number is a gradient of."""
        named = self.differentiated
        if index < len(named):
            return named[index]
        return "{}.trainable_variables[{}]".format(self.case.name, index - len(named))

    def structured(self, gradients):
        """Return the gradients of the inputs in the structure of the inputs, None for what has none."""
        given = dict(zip(self.differentiated, gradients))
        found = [given.get(path) for path, _ in self._found]
        composite = [isinstance(leaf, Composite) and g is not None for (_, leaf), g in zip(self._found, found)]
        shaped = [leaf.in_numpy(g) if is_one else g for (_, leaf), g, is_one in zip(self._found, found, composite)]
        return fill(self.arguments, iter(shaped))

    def _callee(self):
        """Return what a case is told of the function."""
        if isinstance(self.function, MadeBy):
            return dict(make=lambda: _Layer(self, self.function.make()))
        if hasattr(type(self.function), "trainable_variables"):
            return dict(function=_Layer(self, self.function))
        return dict(function=lambda *tensors: self.run(self.function, tensors))

    def run(self, function, tensors):
        """Return what a function gives for tensors in place of the arrays."""
        n = len(self.case.variables)
        variables, rest = iter(tensors[:n]), iter(tensors[n:])
        sources = {_VARIABLE: variables, _TENSOR: rest, _PLAIN: None}
        placed = [
            leaf if kind == _PLAIN else leaf.of(next(rest)) if isinstance(leaf, Composite) else next(sources[kind])
            for (_, leaf), kind in zip(self._found, self._kinds)
        ]
        arguments = fill(self.arguments, iter(placed))
        result = function(**arguments) if isinstance(arguments, dict) else function(*arguments)
        self.outline, self.output_names = outline_of(result), [name for name, _ in tensors_in(result, "output")]
        return result


class _Layer:
    """A function with variables of its own."""

    def __init__(self, call, layer):
        self._call, self._layer = call, layer

    def __call__(self, *tensors):
        return self._call.run(self._layer, tensors)

    @property
    def trainable_variables(self):
        return self._layer.trainable_variables


#: What the comparison holds the results of calls to, whose functions may be anything: see `Case`.
_BOUNDS = dict(ulps=256, ulps_modes=64, ulps_second=1024, ulps_xla=1024, ulps_vectorized=1024)

_TENSOR, _VARIABLE, _PLAIN = "tensor", "variable", "plain"
_CONVERTED = _VARIABLE, _TENSOR


def _arguments(inputs):
    """Return the arguments in a list, tuple or dict."""
    return [inputs] if is_composite(inputs) or not isinstance(inputs, (list, tuple, dict)) else inputs


def _named_input(path, leaf):
    leaf = as_input(leaf)
    return (path + ".values" if isinstance(leaf, Composite) else path), leaf


def _kind(leaf):
    if isinstance(leaf, Composite):
        return _TENSOR
    if isinstance(leaf, Variable) or hasattr(leaf, "assign"):
        return _VARIABLE
    if isinstance(leaf, (np.ndarray, np.generic, float, complex)) or hasattr(leaf, "numpy"):
        return _TENSOR
    return _PLAIN


def _value(leaf):
    if isinstance(leaf, Composite):
        return leaf.values
    if isinstance(leaf, Variable):
        leaf = leaf.value
    elif not isinstance(leaf, (np.ndarray, np.generic, float, complex)):
        if not hasattr(leaf, "numpy"):
            raise TypeError("{!r} has no value outside of its graph: pass an array, or as_variable(array)".format(leaf))
        leaf = leaf.numpy()
    if isinstance(leaf, (float, complex)) and not isinstance(leaf, np.generic):
        return np.asarray(leaf, np.float32 if isinstance(leaf, float) else np.complex64)
    return np.asarray(leaf)


def in_dtype(inputs, dtype):
    """Return the inputs with this dtype (and its complex one) in place of their floating dtypes."""
    dtype = np.dtype(dtype)

    def cast(leaf):
        leaf = as_input(leaf)
        if _kind(leaf) == _PLAIN:
            return leaf
        value = _value(leaf)
        if is_floating(value):
            wanted = np.result_type(dtype, np.complex64) if value.dtype.kind == "c" else dtype
            leaf, value = leaf.astype(wanted) if isinstance(leaf, Composite) else leaf, value.astype(wanted)
        if isinstance(leaf, Composite):
            return leaf
        return Variable(value) if _kind(leaf) == _VARIABLE else value

    inputs = _arguments(inputs)
    return fill(inputs, iter([cast(leaf) for _, leaf in leaves(inputs)]))
