"""What a test says of a gradient: `value_and_gradients` and the assertions, each about one function, in every mode.

The engine is that of the catalogue: a function with its inputs is a case (`call`), a mode is one of its ways. Knows
nothing of pytest.
"""

import collections

import numpy as np

from compat_grad.testing import mode as _mode
from compat_grad.testing.call import Call, in_dtype
from compat_grad.testing.case import DIFFERENCES, differences, in_float64, ones_like
from compat_grad.testing.check import is_close
from compat_grad.testing.composites import filled, weights_in
from compat_grad.testing.loaded import NAME as SAVED_MODEL
from compat_grad.testing.measured import complete, plainest_mode
from compat_grad.testing.mismatch import mismatch
from compat_grad.testing.mode import FORWARD
from compat_grad.testing.process import NotInThisTensorFlow
from compat_grad.testing.program import program_of
from compat_grad.testing.recorded import tell
from compat_grad.testing.ulp import in_words, ulps_apart
from compat_grad.testing.ways import plain_ways, what_tensorflow_lacks

#: What a mode is called here -> what the way is called in reports.
_KEYS = collections.OrderedDict([(mode.key, mode.name) for mode in _mode.ALL])
_KEYS["jit"] = "XLA, tape inside"
_KEYS["vectorized_inside"] = "vectorized_map, tape inside"
_KEYS["vectorized_outside"] = "vectorized_map, tape outside"
_KEYS["forward"] = "forward mode"
_KEYS["saved_model"] = SAVED_MODEL

_NOT_ASKED_FOR = "not asked for"
_PARTS = ("value", "first", "second")
_IN_WORDS = {"value": "value", "first": "gradient", "second": "second derivative"}


class Modes(tuple):
    """The keys of the modes that this process has.

    Attributes:
      default: those that are taken where nobody says which: all but the slow one, "saved_model".
      unavailable: maps the key of each of the others to the reason.
    """

    def __new__(cls, available, default, unavailable):
        made = super().__new__(cls, available)
        made.default, made.unavailable = tuple(default), unavailable
        return made


def modes():
    """Return the `Modes` of this process: "graph", "eager", "tape_outside" (a tf.function), "tape_inside", ..."""
    ways = _ways()
    here = [key for key, way in ways.items() if way.lacks is None]
    lacking = {key: way.lacks for key, way in ways.items() if way.lacks is not None}
    return Modes(here, [key for key in here if not ways[key].is_slow], lacking)


def _ways():
    by_name = {way.name: way for way in plain_ways(slow=True)}
    return collections.OrderedDict((key, by_name[name]) for key, name in _KEYS.items())


def keys_in(text):
    """Return the keys of modes, here or not, that a text names: with commas, "all" for all and "default" for most.

    Raises:
      ValueError: it names another.
    """
    found, ways = modes(), _ways()
    sets = {"all": list(ways), "default": [key for key in ways if key in found.default or key in found.unavailable]}
    named = [key for word in text.split(",") for key in sets.get(word.strip(), [word.strip()])]
    _check(named)
    return list(collections.OrderedDict.fromkeys(named))


def _check(keys):
    for key in keys:
        if key not in _KEYS:
            raise ValueError("there is no mode {!r}; the modes are {}".format(key, ", ".join(_KEYS)))


def _chosen(keys):
    """Return {key: way} of the modes that a caller asks for, and that there are."""
    ways = _ways()
    if keys is None:
        return collections.OrderedDict((key, ways[key]) for key in modes().default)
    keys = [keys] if isinstance(keys, str) else list(keys)
    _check(keys)
    for key in keys:
        if ways[key].lacks is not None:
            raise NotInThisTensorFlow("mode {!r}: {}".format(key, ways[key].lacks))
    return collections.OrderedDict((key, ways[key]) for key in keys)


# --- values and gradients -------------------------------------------------------------------------------------


class ValueAndGradients(tuple):
    """(value, gradients), with order 2 (value, gradients, second derivatives); NumPy arrays in the structures at hand.

    ``of_variables`` (and ``second_of_variables``): those with respect to the function's own trainable variables.
    """


def value_and_gradients(function, inputs, output_gradients=None, mode=None, order=1):
    """Compute a function and its gradients in a mode.

    Args:
      function: any function of tensors, a Keras layer or model, a tf.Module, an override.
      inputs: a list or tuple of its arguments, a dict of keyword arguments, or its only argument; structures of arrays.
        What is neither an array nor a float reaches the function as it is. `as_variable` makes it a variable. A
        ragged or sparse tensor or IndexedSlices (eager, or as a session gives it) is differentiated by its values.
      output_gradients: what each floating output is weighed with, in the structure of the outputs; ones by default.
      mode: one of `modes`; eager by default, or a graph where there is no eager mode.
      order: 1, or 2 for the derivatives of the sum of all gradients as well.

    Raises:
      NotInThisTensorFlow: this process does not have the mode, or TensorFlow itself cannot compute the function in it.
        pytest counts it as skipped.
    """
    key = mode or plainest_mode().key
    (way,) = _chosen(key).values()
    call = Call(function, inputs, second=_order(order), weigh=ones_like)
    if output_gradients is not None:
        call.case.output_gradients = weights_in(output_gradients)
    try:
        found = _run_forward(call.case) if key == "forward" else way.run(call.case)
    except Exception as error:
        reason = what_tensorflow_lacks(error, way)
        if reason is None:
            raise
        raise NotInThisTensorFlow("{} in mode {!r}: {}".format(call.case.name, key, reason)) from error
    tell(call, key, found)
    if order == 2 and "second" not in found:  # pragma: no cover (1.14)
        raise NotInThisTensorFlow("mode {!r} gives first derivatives only".format(key))
    result = [filled(call.outline, _joined(found["value"], call.case.expected().value))]
    result = ValueAndGradients(result + [call.structured(found[part]) for part in _PARTS[1 : order + 1]])
    n = len(call.differentiated)
    result.of_variables = found["first"][n:]
    result.second_of_variables = found["second"][n:] if order == 2 else None
    return result


def _order(order):
    """Return what a case says of its second derivative."""
    if order not in (1, 2):
        raise ValueError("order is 1 or 2; got {!r}".format(order))
    return DIFFERENCES if order == 2 else _NOT_ASKED_FOR


def _run_forward(case):
    complete(case)
    return program_of(case).run_in(FORWARD)


def _joined(parts, outputs):
    """Return an iterator of the outputs, of which complex ones came as two."""
    left = iter(parts)
    return (next(left) + 1j * next(left) if output.dtype.kind == "c" else next(left) for output in outputs)


# --- assertions -----------------------------------------------------------------------------------------------


def assert_modes_agree(function, inputs, ulps=0, order=2, modes=None, linear=True, allow_none=False, tolerance=64):
    """Assert that a function has the same values and gradients in every mode, in every call.

    Args:
      function, inputs: as `value_and_gradients` takes them.
      ulps: how many floating point numbers values and gradients may be apart from mode to mode.
      order: 2 to compare second derivatives, too, or 1.
      modes: which of `modes`; its ``default`` if not given.
      linear: whether the gradient is linear in the output gradients, without which forward mode has no meaning.
      allow_none: whether an input may have no gradient (None) at all.
      tolerance: how far XLA, vectorized_map and forward mode may be from the others, and second derivatives, whose
        terms TensorFlow adds in another order in each mode: in units of the dtype's epsilon of the largest element.

    Raises:
      AssertionError: naming the mode, the input, the worst element.
      NotInThisTensorFlow: none of the modes can be had, or TensorFlow itself cannot compute the function in any.
    """
    call = Call(function, inputs, second=_order(order), linear=linear, tolerance=tolerance)
    reference = None
    for key, way in _chosen(modes).items():
        results = _results(call, key, way)
        if results is None:
            continue
        if reference is None:
            reference = key, results
            _assert_gradients(call, key, results, allow_none)
        bound = None if way.transformation else ulps
        _assert_same(call, (key, results), reference, bound)
        again = _results(call, key, way)
        _assert_same(call, ("second call", again), ("first call", results), bound and 0, " in mode {!r}".format(key))
    _assert_ran(reference, call)


def assert_gradient(function, inputs, expected, output_gradients=None, order=1, modes=None, tolerance=4):
    """Assert that a function has this gradient in every mode.

    Args:
      function, inputs, modes: as for `assert_modes_agree`.
      expected: ``expected(*inputs, *output_gradients)``, a formula for NumPy arrays in float64, the floating outputs'
        gradients after all arrays among the inputs; it returns one array for each floating one, None for no gradient.
        Or these arrays themselves, for output gradients of one.
      output_gradients: arrays, in place of ones that differ from element to element (of one, for given arrays).
      order: 2 to hold second derivatives to the formula's own, by differences.
      tolerance: in units of the dtype's epsilon of the largest element.
    """
    formula = expected if callable(expected) else lambda *arrays: expected
    if order == 2 and not callable(expected):
        raise ValueError("second derivatives need a formula; got arrays")
    weigh = None if callable(expected) else ones_like
    call = Call(function, inputs, gradient=formula, second=_order(order), weigh=weigh, tolerance=tolerance)
    if output_gradients is not None:
        call.case.output_gradients = weights_in(output_gradients)
    ran = None
    for key, way in _chosen(modes).items():
        results = _results(call, key, way) if way.gives_gradients else None
        if results is not None:
            ran = key
            wanted = call.case.expected()
            for part, arrays in (("first", wanted.first), ("second", wanted.second)):
                _assert_close(call, key, part, results.get(part, ()), arrays or (), "expected")
    _assert_ran(ran, call)


def assert_matches_numeric(function, inputs, order=1, modes=None, dtype="float64", tolerance=1e-6, step=2.0**-8):
    """Assert that a gradient is the function's true derivative, by central differences with Richardson extrapolation.

    For what overrides a gradient in order to compute the same better. The second order is held to differences of the
    first.

    Args:
      function, inputs, modes: as for `assert_modes_agree`. Floating inputs are converted to ``dtype``.
      tolerance: relative to the largest element.
      step: the smallest of the three steps, times the element where that is greater than one.
    """
    inputs = in_dtype(inputs, dtype)
    call = Call(function, inputs, second=_order(order))
    complete(call.case)
    expected = call.case.expected()
    arrays = [in_float64(array) for array in call.case.variables + call.case.inputs]
    wanted = [("first", [differences(expected.sum_of_values, arrays, i, step) for i in call.case.differentiated])]
    if order == 2:
        sums = expected.sum_of_gradients
        wanted.append(("second", [differences(sums, arrays, i, step) for i in call.case.differentiated]))
    call.case.tolerance, call.case.epsilon = tolerance, 1.0
    ran = None
    for key, way in _chosen(modes).items():
        results = _results(call, key, way) if way.gives_gradients else None
        if results is not None:
            ran = key
            for part, arrays in wanted:
                _assert_close(call, key, part, results.get(part, ()), arrays, "finite differences")
    _assert_ran(ran, call)


def assert_surrogate(function, surrogate, inputs, ulps=0, order=2, modes=None):
    """Assert that a function has the gradients of another in every mode: of the same output gradients, to the bit."""

    def compare(call, part, one, other):
        _assert_part(call, part, one, other, ulps)

    _compare_gradients(function, surrogate, inputs, "surrogate", _order(order), modes, compare)


def assert_overridden(function, inputs, native=None, modes=None):
    """Assert that in every mode the gradient is another than it would be without the override.

    Args:
      function, inputs, modes: as for `assert_modes_agree`.
      native: the same function without its override; by default that which the override was made for.
    """
    native = getattr(function, "forward", None) if native is None else native
    if native is None:
        raise TypeError("{!r} is no override of compat_grad: pass native=, the function without it".format(function))
    _compare_gradients(function, native, inputs, "native", _NOT_ASKED_FOR, modes, _assert_other)


def _compare_gradients(function, other, inputs, called, second, modes, compare):
    """Run a function and another in each mode, and have the parts of their results compared."""
    call, others = (Call(one, inputs, second=second) for one in (function, other))
    ran = None
    for key, way in _chosen(modes).items():
        if not way.gives_gradients:
            continue
        results, wanted = _results(call, key, way), _results(others, key, way)
        if results is None or wanted is None:
            continue
        ran = key
        for part in _PARTS[1:]:
            compare(call, part, (key, results.get(part, ())), (called, wanted.get(part, ())))
    call.left_out.update(others.left_out)
    _assert_ran(ran, call)


def _results(call, key, way):
    """Return the results of a call in a mode; None where it has none, or TensorFlow itself cannot."""
    complete(call.case)  # an error there is one of the call, in every mode
    reason = way.undefined(call.case)
    if reason:
        call.left_out[key] = reason
        return None
    try:
        results = way.run(call.case)
    except Exception as error:
        reason = what_tensorflow_lacks(error, way)
        if reason is not None:
            call.left_out[key] = reason
            return None
        raise AssertionError(
            "{} in mode {!r}: {}: {}".format(call.case.name, key, type(error).__name__, error)
        ) from error
    tell(call, key, results)
    return results


def _assert_ran(ran, call):
    if ran is None:
        reasons = ["mode {!r}: {}".format(*pair) for pair in call.left_out.items()]
        raise NotInThisTensorFlow(
            "{}: {}".format(call.case.name, "; ".join(reasons) or "this process has none of the modes")
        )


def _assert_gradients(call, key, results, allow_none):
    for index, gradient in enumerate(results.get("first", ())):
        if gradient is None and not allow_none:
            raise AssertionError(
                "{}: the gradient of {} is None in mode {!r}: nothing leads from there to the outputs that TensorFlow "
                "can differentiate. If that is meant, pass allow_none=True.".format(
                    call.case.name, call.name_of_gradient(index), key
                )
            )


def _assert_same(call, one, other, ulps, where=""):
    """Assert that two (name, results) are the same; ulps None: within the case's tolerance."""
    for part in _PARTS:
        pair = (one[0], one[1].get(part, ())), (other[0], other[1].get(part, ()))
        if part not in one[1] or part not in other[1]:
            continue
        if ulps is None or (part == "second" and not where):
            _assert_close(call, pair[0][0], part, pair[0][1], pair[1][1], pair[1][0], where)
        else:
            _assert_part(call, part, pair[0], pair[1], ulps, where)


def _assert_part(call, part, one, other, ulps, where=""):
    for index, (found, wanted) in enumerate(zip(one[1], other[1])):
        if ulps_apart(found, wanted) > ulps or (part == "first" and (found is None) != (wanted is None)):
            title = _title(call, part, index) + where
            raise AssertionError(mismatch(title, found, wanted, (one[0], other[0]), in_words(ulps)))


def _assert_close(call, key, part, found, wanted, called, where=""):
    for index, (one, other) in enumerate(zip(found, wanted)):
        if not is_close(call.case, one, other):
            title = _title(call, part, index) + where
            if other is not None and one is not None:
                other = np.asarray(other).astype(np.asarray(one).dtype)
            bound = "{:.3g} of the largest element".format(call.case.tolerance * _epsilon(call.case, one))
            raise AssertionError(mismatch(title, one, other, (key, called), bound))


def _epsilon(case, array):
    return case.epsilon or (1.0 if array is None else np.finfo(np.asarray(array).dtype).eps)


def _assert_other(call, part, one, other):
    if part == "first" and all(ulps_apart(a, b) == 0 for a, b in zip(one[1], other[1])):
        raise AssertionError(
            "{}: in mode {!r} every gradient is the native one, as if there were no override: {}".format(
                call.case.name, one[0], one[1]
            )
        )


def _names_of_parts(call):
    """Return what each result that a mode gives for the outputs is called: a complex output is two."""
    names = []
    for name, value in zip(call.output_names, call.case.expected().value):
        names += [name + ".real", name + ".imag"] if value.dtype.kind == "c" else [name]
    return names


def _title(call, part, index):
    if part == "value":
        return "{}: {}".format(call.case.name, _names_of_parts(call)[index])
    return "{}: {} of {}".format(call.case.name, _IN_WORDS[part], call.name_of_gradient(index))
