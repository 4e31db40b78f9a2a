"""Random overrides with the calls of them, and the same in NumPy.

All numbers are small integers, of few bits in every dtype: sums and products are exact in any order, so NumPy's results
are TensorFlow's to the last bit. The gradients are never forward's own.
"""

import collections

import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from compat_grad import override_gradient
from compat_grad._tf import not_converted
from tests import modes
from tests.modes import v1

Point = collections.namedtuple("Point", "first second")

#: forward, elementwise or as a sum
FORWARDS = {"triple": lambda x: 3 * x, "square": lambda x: x * x, "same": lambda x: x}

#: What is no float: made in the program itself.
PASSENGERS = {
    "int": lambda: tf.constant([1, 2]),
    "bool": lambda: tf.constant([True, False]),
    "string": lambda: tf.constant("text"),
    "number": lambda: 2.5,
    "text": lambda: "text",
    "none": lambda: None,
}

SHAPES = [(), (0,), (1,), (2,), (2, 1), (0, 2)]
DTYPES = ["float32", "float16", "float64", "bfloat16", "complex64"]
STRUCTURES = {
    "flat": lambda leaves: leaves,
    "list": lambda leaves: [leaves],
    "dict": lambda leaves: [{str(index): leaf for index, leaf in enumerate(leaves)}],
    "pairs": lambda leaves: [{"a": (leaves[0], [leaves[1:]])}],
    "point": lambda leaves: [Point(leaves[0], tuple(leaves[1:]))],
}

#: An input: its values; whether its shape is hidden; what forward makes of it; the factor of its gradient, and what
#: else is in that: the input, the output (whose own gradient is the override's again), or nothing.
Input = collections.namedtuple("Input", "array hidden forward summed factor times")

#: An override and its call: placement says in what; calls, how many (the second has other shapes).
Example = collections.namedtuple("Example", "inputs dtype passengers structure placement strategy calls captures")


def arrays(dtype):
    def of(shape):
        size = int(np.prod(shape))
        numbers = st.lists(st.integers(-2, 2), min_size=2 * size, max_size=2 * size)
        return numbers.map(lambda found: as_array(found, shape, dtype))

    return st.sampled_from(SHAPES).flatmap(of)


def as_array(numbers, shape, dtype):
    real, imaginary = np.array(numbers, np.float32).reshape((2,) + shape)
    return (real + 1j * imaginary).astype(np.complex64) if dtype == "complex64" else real


@st.composite
def examples(draw):
    dtype = draw(st.sampled_from(DTYPES))
    small = dtype in ("float16", "bfloat16")
    inputs = draw(
        st.lists(
            st.builds(
                Input,
                array=arrays(dtype),
                hidden=st.booleans(),
                forward=st.sampled_from(sorted(FORWARDS)),
                summed=st.booleans(),
                factor=st.sampled_from([-5, 5, 7]),
                times=st.sampled_from(["nothing", "input"] + ([] if small else ["output"])),
            ),
            min_size=1,
            max_size=3,
        )
    )
    # TensorFlow 1 has no gradient of bfloat16 through a tf.cond, not the native one either.
    placement = draw(st.sampled_from(sorted(set(PLACEMENTS) - ({"cond"} if dtype == "bfloat16" else set()))))
    if placement == "loop" and dtype != "float32":
        # TensorFlow 1 adds up the gradient of what is of unknown shape as float32, the native one, too.
        inputs = [of._replace(hidden=False) for of in inputs]
    return Example(
        inputs,
        dtype,
        draw(st.lists(st.sampled_from(sorted(PASSENGERS)), max_size=2)),
        draw(st.sampled_from(sorted(STRUCTURES))),
        placement,
        draw(st.sampled_from(["auto", "gradient_override_map"] + ["custom_gradient"] * (placement == "plain"))),
        draw(st.integers(1, 2)),
        placement == "plain" and draw(st.booleans()),
    )


# --- where a call stands ----------------------------------------------------------------------------------------


def in_cond(call, tensors):
    def other():
        return [0 * y for y in call(*tensors)]

    found = tf.cond(tf.reduce_sum(tf.ones([2])) > 1.0, lambda: call(*tensors), other)
    return found if isinstance(found, list) else [found]  # TensorFlow 1 takes lists of one apart


def in_loop(call, tensors):
    start = [tf.zeros_like(y) for y in call(*tensors)]
    return tf.while_loop(lambda n, *ys: n < 2, lambda n, *ys: [n + 1] + call(*tensors), [tf.constant(0)] + start)[1:]


def in_map(call, tensors):
    rows = tf.map_fn(lambda row: call(*row), [x[None] for x in tensors], dtype=[x.dtype for x in tensors])
    return [y[0] for y in rows]


def in_function(call, tensors):
    return tf.function(call, autograph=False)(*tensors) if modes.HAS_FUNCTIONS else call(*tensors)


PLACEMENTS = {
    "plain": lambda call, tensors: call(*tensors),
    "cond": in_cond,
    "loop": in_loop,
    "map": in_map,
    "function": in_function,
}
LOOPS = ("loop", "map")  # TensorFlow 1 differentiates them once


# --- as TensorFlow computes it ----------------------------------------------------------------------------------


def leaves_of(value):
    """Return the floating tensors in nested arguments, in their order."""
    if isinstance(value, dict):
        value = [value[key] for key in sorted(value)]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in leaves_of(item)]
    floating = isinstance(value, tf.Tensor) and (value.dtype.is_floating or value.dtype.is_complex)
    return [value] if floating else []


def override_of(example, strategy, variable=None, backward=None):
    """Return the override of an example; backward, where another than its own is wanted."""

    @not_converted
    def forward(*args):
        outputs = []
        for x, of in zip(leaves_of(args), example.inputs):
            y = FORWARDS[of.forward](x)
            outputs.append(tf.reduce_sum(y) if of.summed else y)
        return outputs if variable is None else outputs + [3.0 * variable]

    def own_backward(op, *dys, variables=None):
        tensors, found = leaves_of(list(op.inputs)), []
        for x, y, dy, of in zip(tensors, op.outputs, dys, example.inputs):
            other = {"nothing": tf.ones_like(x), "input": x, "output": y}[of.times]
            found.append(of.factor * dy * other * tf.ones_like(x))
        given = iter(found)
        gradients = [next(given) if leaves_of(leaf) else None for leaf in op.inputs if isinstance(leaf, tf.Tensor)]
        return (gradients, [5.0 * dys[-1]]) if variables else gradients

    return override_gradient(forward, backward or own_backward, strategy=strategy, name="fuzzed")


def hide(x):
    """Return x without its static shape, where tensors have one."""
    return x if modes.executing_eagerly() else tf.reshape(x, v1.placeholder_with_default(tf.shape(x), [None]))


def function_of(example, override):
    """Return the function of the inputs that is differentiated: flat real outputs."""

    def call(*tensors):
        passengers = [PASSENGERS[name]() for name in example.passengers]
        return list(override(*STRUCTURES[example.structure](list(tensors) + passengers)))

    @not_converted  # AutoGraph takes most of the time otherwise
    def function(*inputs):
        tensors = [tf.cast(x, getattr(tf, example.dtype)) for x in inputs[: len(example.inputs)]]
        tensors = [hide(x) if of.hidden else x for x, of in zip(tensors, example.inputs)]
        outputs = list(PLACEMENTS[example.placement](call, tensors))
        if example.calls == 2:
            outputs += call(*[tf.reshape(x, [1, -1]) for x in tensors])
        return [tf.cast(v1.real(y) if y.dtype.is_complex else y, tf.float32) for y in outputs]

    return function


def computed(mode, example, strategy):
    """Return [outputs, gradients, second derivatives] as a mode computes them, in float64."""
    orders = 1 if example.placement in LOOPS or mode.lacks_second else 2

    def program(differentiate, *inputs):
        inputs = list(inputs)
        variable = inputs.pop(0) if example.captures else None
        at = inputs + ([variable] if example.captures else [])
        f = function_of(example, override_of(example, strategy, variable))
        if orders == 1:
            outputs, gradients = differentiate(f, at, WEIGHTS)
            return [list(outputs), gradients, []]

        @not_converted
        def first(*at):
            outputs, gradients = differentiate(f, at, WEIGHTS)
            gradients = [tf.zeros_like(x) if g is None else g for g, x in zip(gradients, at)]
            return list(outputs) + [v1.real(g) for g in gradients] + [v1.imag(g) for g in gradients if is_complex(g)]

        n_outputs = example.calls * (len(example.inputs) + example.captures)
        found, second = differentiate(
            first, at, [None] * n_outputs + [1.0, 2.0, 3.0, 1.0][: len(at)] + [None] * len(at)
        )
        gradients = found[n_outputs : n_outputs + len(at)]
        if example.dtype == "complex64":
            imaginary = found[n_outputs + len(at) :]
            gradients = [tf.complex(*parts) for parts in zip(gradients, imaginary)] + gradients[len(imaginary) :]
        return [list(found[:n_outputs]), gradients, second]

    start = dict(variables=[np.float32(2)]) if example.captures else {}
    found = mode.run(program, *[of.array for of in example.inputs], **start)
    shapes = [of.array for of in example.inputs] + [np.float32(0)] * example.captures
    filled = [[np.zeros_like(x) if g is None else g for g, x in zip(part, shapes)] for part in found[1:]]
    return [[np.asarray(y, np.float64) for y in found[0]]] + filled


def is_complex(tensor):
    return tensor.dtype.is_complex


#: of the outputs
WEIGHTS = [1.0, 2.0, 3.0, 2.0, 1.0, 3.0, 2.0, 1.0]


# --- as NumPy does ----------------------------------------------------------------------------------------------


def expected(example):
    """Return the same by NumPy."""
    given, outputs = iter(WEIGHTS), []
    gradients = [np.zeros_like(of.array) for of in example.inputs]
    second = [np.zeros_like(of.array) for of in example.inputs]
    of_variable = np.float32(0)
    for call in range(example.calls):
        for index, of in enumerate(example.inputs):
            x = of.array if call == 0 else of.array.reshape([1, -1])
            y = FORWARDS[of.forward](x)
            y = y.sum() if of.summed else y
            weight, factor = next(given), of.factor
            outputs.append(np.asarray(np.real(y), np.float64))
            other = {"nothing": np.ones_like(x), "input": x, "output": y}[of.times]
            gradients[index] += (factor * weight * other * np.ones_like(x)).reshape(of.array.shape)
            dy = np.full_like(x, (index + 1) * factor * weight)
            if of.times == "output":
                dy = factor * (dy.sum() if of.summed else dy) * y * np.ones_like(x)
            if of.times != "nothing":
                second[index] += dy.reshape(of.array.shape)
        if example.captures:
            outputs.append(np.float64(6.0))
            of_variable += np.float32(5.0 * next(given))
    extra = [[of_variable], [np.float32(0)]] if example.captures else [[], []]
    return [outputs, gradients + extra[0], second + extra[1]]
