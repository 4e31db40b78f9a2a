"""Random overrides with the calls of them: what is drawn, in words and numbers, before any of it is a tensor.

All numbers are small integers, of few bits in every dtype: sums and products are exact in any order, so NumPy's results
are TensorFlow's to the last bit. The gradients are never forward's own. Each example is of one mode and one strategy:
what modes have in common is NumPy.
"""

import collections
import functools

import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from compat_grad import _tf
from compat_grad.testing import ways
from tests import modes
from tests.modes import v1

#: An input: its values; how much of its shape is hidden; what forward makes of it; the factor of its gradient, and what
#: else is in that: the input, the output (whose own gradient is the override's again), only the sign of the output
#: gradient, or nothing.
Input = collections.namedtuple("Input", "array hidden forward summed factor times")

#: An override and its call. kind: a key of KINDS; mode, strategy: how it is computed; order: of the highest derivative;
#: placement: in what the call stands, from the outside in; within: in what the ops of forward stand; calls: how many
#: (the second has other shapes); captures: whether forward captures a variable.
Example = collections.namedtuple(
    "Example", "kind mode strategy order inputs dtype passengers structure placement within calls captures"
)

#: What gives the gradient -> the strategies that express it.
KINDS = {
    "backward": ("auto", "tape", "gradient_override_map", "custom_gradient"),
    "surrogate": ("auto", "tape", "gradient_override_map", "custom_gradient", "stop_gradient"),
    "ratio": ("auto", "tape", "gradient_override_map", "custom_gradient", "stop_gradient"),  # combine="multiply"
    "ops": ("auto", "gradient_override_map"),
}
SHAPES = [(), (0,), (1,), (2,), (2, 1), (0, 2)]
DTYPES = ["float32", "float16", "float64", "bfloat16", "complex64"]
HIDDEN = ["nothing", "nothing", "dimensions", "rank"]
PASSENGERS = ["bool", "int", "none", "number", "string", "text"]
STRUCTURES = ["dict", "flat", "list", "pairs", "point"]
PLACEMENTS = ["cond", "function", "loop", "map"]
LOOPS = ("loop", "map")  # TensorFlow 1 differentiates them once

_BY_NAME = {mode.name: mode for mode in modes.MODES}


def mode_of(example):
    return _BY_NAME[example.mode]


# --- what this TensorFlow has ---------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=None)
def _strategies_of(mode):
    return ("auto",) + tuple(ways._strategies_of(mode))


def _strategies_in(mode, kind):
    return [strategy for strategy in KINDS[kind] if strategy in _strategies_of(mode)]


@functools.lru_cache(maxsize=None)
def _dtypes_in(mode):
    """Return the dtypes in which TensorFlow itself computes and differentiates what examples consist of."""
    return [dtype for dtype in DTYPES if _has_dtype(mode, dtype)]


def _has_dtype(mode, dtype):
    def f(x):
        z = tf.cast(x, getattr(tf, dtype))
        # a traced function of 1.15 has no gradient of bfloat16
        z = tf.function(lambda z: 1 * z, autograph=False)(z) if modes.HAS_FUNCTIONS else z
        y = tf.reduce_sum(z * z) * z * tf.ones_like(z) * (1 if z.dtype.is_complex else tf.sign(z + 4))
        return [tf.cast(v1.real(y) if y.dtype.is_complex else y, tf.float32)]

    def program(differentiate, x):
        return differentiate(f, [x], [1.0])[1]

    x = _as_array([1, 2, 0, 0], (2,), dtype)
    try:
        with mode.scope():
            (found,) = mode.run(program, x)
    except (TypeError, ValueError, IndexError, tf.errors.OpError):  # IndexError: bfloat16 in a function, on 1.14
        return False
    if found is None:
        return False
    if dtype == "complex64":
        return modes.HAS_FUNCTIONS or mode is not modes.EAGER  # whose gradients are partly complex128 (1.7)
    return found.dtype == x.dtype and getattr(tf, dtype).is_floating  # 1.0 has bfloat16 that is no floating type


# --- what is drawn --------------------------------------------------------------------------------------------------


def _arrays(dtype):
    def of(shape):
        size = int(np.prod(shape))
        numbers = st.lists(st.integers(-2, 2), min_size=2 * size, max_size=2 * size)
        return numbers.map(lambda found: _as_array(found, shape, dtype))

    return st.sampled_from(SHAPES).flatmap(of)


def _as_array(numbers, shape, dtype):
    real, imaginary = np.array(numbers, np.float32).reshape((2,) + shape)
    return (real + 1j * imaginary).astype(np.complex64) if dtype == "complex64" else real


def _inputs(kind, dtype):
    times = ["nothing", "input"]
    if kind in ("backward", "ops"):
        times += ["output"] * (dtype not in ("float16", "bfloat16")) + ["sign"] * (dtype != "complex64")
    one = st.builds(
        Input,
        array=_arrays(dtype),
        hidden=st.sampled_from(HIDDEN),
        forward=st.sampled_from(["same", "square", "triple"]),
        summed=st.booleans() if kind != "ratio" else st.just(False),
        factor=st.sampled_from([-5, 5, 7]),
        times=st.sampled_from(times),
    )
    return st.lists(one, min_size=1, max_size=3)


def _placements(dtype):
    # TensorFlow 1 has no gradient of bfloat16 through a tf.cond, not the native one either.
    one = st.sampled_from([each for each in PLACEMENTS if (each, dtype) != ("cond", "bfloat16")])
    # Tracing loops and branches takes most of the time.
    return st.integers(0, 9).flatmap(
        lambda n: st.just(()) if n < 7 else st.tuples(one) if n < 9 else st.tuples(one, one)
    )


@st.composite
def examples(draw, wrong=False):
    """Draw an example; where its backward is to be a wrong one, of known shapes: that is known as it is built."""
    kind = draw(st.sampled_from(["backward", "ops"] if wrong else sorted(KINDS)))
    mode = draw(st.sampled_from(modes.MODES + [modes.EAGER] * (2 * modes.HAS_EAGER)))
    strategy = draw(st.sampled_from(_strategies_in(mode, kind)))
    # Quotients of complex numbers are not exact; those of bfloat16 have no kernel once Grappler has seen them (1.15).
    inexact = ("bfloat16", "complex64") if kind == "ratio" else ()
    dtype = draw(st.sampled_from([each for each in _dtypes_in(mode) if each not in inexact]))
    traced = mode.name != modes.GRAPH.name and (kind == "ops" or strategy == "gradient_override_map")
    old_function = traced and not modes.HAS_FUNCTIONS  # takes no loops, branches nor variables (1.5 to 1.13)
    # tf.custom_gradient itself takes tensors of one graph into another, in loops and branches.
    plain = strategy == "custom_gradient"
    placement = () if plain else draw(_placements(dtype))
    if strategy == "tape" and "function" in placement:
        strategy = "auto"  # in a graph, that is
    if mode.name == modes.GRAPH.name and placement[:1] == ("cond",) and set(LOOPS).intersection(placement):
        # 1.15 aborts the process there, without an override, too (resource_operation_safety_analysis.cc).
        placement = placement if _tf.has_op_callbacks else placement[:1]
    within = () if plain or old_function or placement or kind == "ratio" else draw(_placements(dtype))[:1]
    inputs = draw(_inputs(kind, dtype))
    if wrong:
        # The first of the inputs has an op of the type that is overridden, and is reached.
        inputs = [of._replace(hidden="nothing", forward="square") for of in inputs]
    elif set(LOOPS).intersection(placement + within) and dtype != "float32":
        # TensorFlow 1 adds up the gradient of what is of unknown shape as float32, the native one, too.
        inputs = [of._replace(hidden="nothing") for of in inputs]
    if mode.name == modes.GRAPH.name and set(LOOPS).intersection(placement) and not _tf.has_op_callbacks:
        # In a loop whose result is its argument session.run of 1.15 does not end, of a bare IdentityN, too.
        inputs = [of._replace(forward="triple") for of in inputs]
    second = not (wrong or mode.lacks_second or set(LOOPS).intersection(placement + within))
    if {"cond", "function"} <= set(placement) or placement == ("cond", "cond"):
        second = False  # TensorFlow 2.4 itself has none of a function or a branch in a branch
    if traced and not (modes.HAS_FUNCTIONS and modes.functions_have_second_derivatives()):
        second = False
    return Example(
        kind,
        mode.name,
        strategy,
        draw(st.sampled_from([1, 1, 2])) if second else 1,
        inputs,
        dtype,
        [] if wrong else draw(st.lists(st.sampled_from(PASSENGERS), max_size=2)),
        draw(st.sampled_from(STRUCTURES)),
        placement,
        tuple(each for each in within if (kind, each) != ("ops", "function")),
        1 if wrong else draw(st.sampled_from([1, 1, 2])),
        kind == "backward" and not (wrong or placement or within or old_function) and draw(st.booleans()),
    )
