"""One function held to itself in every mode, with every strategy, and to what it should be: a list of verdicts.

Each verdict is that of an assertion of `assertions`. Knows nothing of command lines.
"""

import collections

from compat_grad import Override, _tf, override_gradient
from compat_grad._tf import v1
from compat_grad.testing import assertions
from compat_grad.testing import mode as _mode
from compat_grad.testing.process import NotInThisTensorFlow
from compat_grad.testing.ways import STRATEGIES, all_ways

AGREES, DIFFERS, NOT_HERE = "agrees", "differs", "not here"

#: One thing that was looked at: where, with which strategy, against what, the verdict, and why it is not AGREES.
Check = collections.namedtuple("Check", "mode strategy against verdict words")


def verify(function, inputs, order=2, ulps=0, modes=None, numeric=False, formula=None, surrogate=None):
    """Yield a `Check` for each mode and strategy of this process, and for each way to know what is right.

    Args:
      function: an override, for all strategies; or any other function of tensors.
      inputs: `specs.Input`s.
      order: 2 to look at second derivatives, too.
      ulps: how far modes may be apart, in units of the last place.
      modes: keys of `compat_grad.testing.modes`, those that are not here included; all but the slow by default.
      numeric: whether the gradient should be forward's own derivative, by finite differences.
      formula: ``formula(*inputs, *output_gradients)``, what the gradients should be, in NumPy.
      surrogate: a function whose gradients it should have.

    Raises:
      ValueError: there is no such mode, none of the inputs is floating, or no unknown dimension to be had.
    """
    arrays = [given.array for given in inputs]
    known = assertions.modes()
    keys = assertions.keys_in("default" if modes is None else ",".join(modes))
    here = [key for key in keys if key in known]
    asked = _with_unknown(function, inputs)

    def in_modes(assertion, *args, **options):
        for key in here:
            if key == "forward":
                continue  # tangents, no gradients
            yield key, _verdict(assertion, asked, *args, modes=[key], **options)

    for key in keys:
        if key not in known:
            yield Check(key, "auto", "", NOT_HERE, known.unavailable[key])
            continue
        pair = [here[0], key] if key != here[0] else [key]
        told = _verdict(assertions.assert_modes_agree, asked, arrays, ulps, order, pair, allow_none=True)
        yield Check(key, "auto", "{} and itself".format(here[0]) if key != here[0] else "itself", *told)
    if isinstance(function, Override):
        for strategy in STRATEGIES:
            yield from _with_strategy(function, inputs, strategy, ulps, order, here)
    against = []
    if numeric:
        against.append(("finite differences", in_modes(assertions.assert_matches_numeric, arrays, order)))
    if formula is not None:
        against.append(("the formula", in_modes(assertions.assert_gradient, arrays, formula, order=order)))
    if surrogate is not None:
        blurred = _with_unknown(surrogate, inputs)
        against.append(("the surrogate", in_modes(assertions.assert_surrogate, blurred, arrays, ulps, order)))
    for name, told in against:
        for key, verdict in told:
            yield Check(key, "auto", name, *verdict)


def _with_strategy(function, inputs, strategy, ulps, order, keys):
    """Yield the checks of an override with a strategy forced, against the one that is picked."""
    try:
        forced = _with_unknown(_forced(function, strategy), inputs)
    except ValueError as error:  # it cannot express such an override
        yield Check("any", strategy, "", NOT_HERE, str(error))
        return
    picked = _with_unknown(function, inputs)
    arrays = [given.array for given in inputs]
    ways = {way.name: way for way in all_ways()}
    for mode in _mode.ALL:
        way = ways["{} · {}".format(mode.name, strategy)]
        if mode.key not in keys:
            continue
        if way.lacks:
            yield Check(mode.key, strategy, "", NOT_HERE, way.lacks)
            continue
        orders = min(order, way.orders)  # of what TensorFlow has there
        told = _verdict(assertions.assert_surrogate, forced, picked, arrays, ulps, orders, [mode.key])
        yield Check(mode.key, strategy, "auto", *told)


def _forced(override, strategy):
    """Return the same override with a strategy; raises ValueError where that cannot express it."""
    return override_gradient(
        override.forward,
        override.backward,
        surrogate=override.surrogate,
        combine=override.combine,
        strategy=strategy,
        name=override.name,
        on_unused="ignore" if isinstance(override.backward, dict) else "error",
    )


def _verdict(assertion, *args, **options):
    """Return (verdict, words) of an assertion."""
    try:
        assertion(*args, **options)
    except NotInThisTensorFlow as error:
        return NOT_HERE, str(error)
    except AssertionError as error:
        return DIFFERS, str(error).strip()
    return AGREES, ""


def _with_unknown(function, inputs):
    """Return the function, which gets tensors of the shapes that its `specs.Input`s say."""
    if not any(given.shape for given in inputs):
        return function
    try:
        _tf.registered_gradient("PlaceholderWithDefault")
    except LookupError:  # pragma: no cover (1.0, whose slow tests are not measured)
        raise ValueError(
            "TensorFlow 1.0 has no gradients of what loses its static shape: give each dimension"
        ) from None

    def of_unknown_shapes(*tensors):
        return function(
            *[
                x if given.shape is None else v1.placeholder_with_default(x, given.shape)
                for x, given in zip(tensors, inputs)
            ]
        )

    of_unknown_shapes.__name__ = getattr(function, "__name__", type(function).__name__)
    return of_unknown_shapes
