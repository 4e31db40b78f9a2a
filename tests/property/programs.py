"""Examples as TensorFlow computes them."""

import collections
import itertools

import numpy as np
import tensorflow as tf

from compat_grad import override_gradient
from compat_grad._tf import not_converted
from tests import modes
from tests.modes import v1
from tests.property.by_numpy import WEIGHTS
from tests.property.examples import mode_of

_numbers = itertools.count()  # other overrides of one name may be alive in what an error holds
Point = collections.namedtuple("Point", "first second")

#: What is no float: made in the program itself.
PASSENGERS = {
    "int": lambda: tf.constant([1, 2]),
    "bool": lambda: tf.constant([True, False]),
    "string": lambda: tf.constant("text"),
    "number": lambda: 2.5,
    "text": lambda: "text",
    "none": lambda: None,
}
STRUCTURES = {
    "flat": lambda leaves: leaves,
    "list": lambda leaves: [leaves],
    "dict": lambda leaves: [{str(index): leaf for index, leaf in enumerate(leaves)}],
    "pairs": lambda leaves: [{"a": (leaves[0], [leaves[1:]])}],
    "point": lambda leaves: [Point(leaves[0], tuple(leaves[1:]))],
}


# --- where a call stands, and what forward consists of ------------------------------------------------------------


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


PLACEMENTS = {"cond": in_cond, "loop": in_loop, "map": in_map, "function": in_function}


def placed(placement, call):
    """Return call as it stands in all of placement, which is told from the outside in."""
    for each in reversed(placement):
        call = _placed(PLACEMENTS[each], call)
    return call


def _placed(place, call):
    return lambda *tensors: list(place(call, list(tensors)))


# --- the override -------------------------------------------------------------------------------------------------


def leaves_of(value):
    """Return the floating tensors in nested arguments, in their order."""
    if isinstance(value, dict):
        value = list(map(value.get, sorted(value)))
    if isinstance(value, (list, tuple)):
        # AutoGraph of 1.15 knows no comprehensions that call themselves.
        return list(itertools.chain(*map(leaves_of, value)))
    floating = isinstance(value, tf.Tensor) and (value.dtype.is_floating or value.dtype.is_complex)
    return [value] if floating else []


#: forward, elementwise or as a sum; where the gradients of its ops are overridden; and over a surrogate x + 4.
FORWARDS = {"triple": lambda x: 3 * x, "square": lambda x: x * x, "same": lambda x: x}
OF_OPS = {"triple": lambda x: 3 * tf.square(x), "square": tf.square, "same": tf.identity}
OF_RATIOS = dict.fromkeys(FORWARDS, lambda x: x * (x + 4))


def _forward_of(example, variable):
    def on_tensors(*tensors):
        outputs = []
        for x, of in zip(tensors, example.inputs):
            y = (
                x * (x + 4)
                if example.kind == "ratio"
                else (OF_OPS if example.kind == "ops" else FORWARDS)[of.forward](x)
            )
            outputs.append(tf.reduce_sum(y) if of.summed else y)
        return outputs

    @not_converted
    def forward(*args):
        outputs = placed(example.within, on_tensors)(*leaves_of(args))
        return outputs if variable is None else outputs + [3.0 * variable]

    return forward


def _surrogate_of(example):
    @not_converted
    def surrogate(*args):
        outputs = []
        for x, of in zip(leaves_of(args), example.inputs):
            y = x + 4 if example.kind == "ratio" else of.factor * (x * x if of.times == "input" else x)
            outputs.append(tf.reduce_sum(y) if of.summed else y)
        return outputs

    return surrogate


def _gradient(of, x, y, dy):
    if of.times == "sign":
        return of.factor * tf.sign(dy) * tf.ones_like(x)
    return of.factor * dy * {"nothing": tf.ones_like(x), "input": x, "output": y}[of.times] * tf.ones_like(x)


def _backward_of(example):
    def backward(op, *dys, variables=None):
        tensors = leaves_of(list(op.inputs))
        given = iter([_gradient(of, x, y, dy) for of, x, y, dy in zip(example.inputs, tensors, op.outputs, dys)])
        gradients = [next(given) if leaves_of(leaf) else None for leaf in op.inputs if isinstance(leaf, tf.Tensor)]
        return (gradients, [5.0 * dys[-1]]) if variables else gradients

    return backward


def override_of(example, variable=None, backward=None):
    """Return the override of an example; backward, where another than its own is wanted."""
    forward = _forward_of(example, variable)
    options = dict(strategy=example.strategy, name="fuzzed{}".format(next(_numbers)))
    if example.kind in ("surrogate", "ratio"):
        combine = "multiply" if example.kind == "ratio" else "add"
        return override_gradient(forward, surrogate=_surrogate_of(example), combine=combine, **options)
    if example.kind == "ops":

        def of_square(op, dy):
            return _gradient(example.inputs[0], op.inputs[0], op.outputs[0], dy)

        return override_gradient(forward, {"Square": backward or of_square}, on_unused="ignore", **options)
    return override_gradient(forward, backward or _backward_of(example), **options)


# --- the call -----------------------------------------------------------------------------------------------------


def hide(x, how):
    """Return x without its static shape, or only its rank, where tensors have one."""
    if how == "nothing" or modes.executing_eagerly():
        return x
    rank = x.shape.ndims
    x = tf.reshape(x, v1.placeholder_with_default(tf.shape(x), [None]))
    if how == "dimensions":
        x.set_shape([None] * rank)
    return x


def function_of(example, override):
    """Return the function of the inputs that is differentiated: flat real outputs."""

    def call(*tensors):
        passengers = [PASSENGERS[name]() for name in example.passengers]
        return list(override(*STRUCTURES[example.structure](list(tensors) + passengers)))

    @not_converted  # AutoGraph takes most of the time otherwise
    def function(*inputs):
        tensors = [tf.cast(x, getattr(tf, example.dtype)) for x in inputs[: len(example.inputs)]]
        tensors = [hide(x, of.hidden) for x, of in zip(tensors, example.inputs)]
        outputs = placed(example.placement, call)(*tensors)
        if example.calls == 2:
            outputs = outputs + call(*[tf.reshape(x, [1, -1]) for x in tensors])
        return [tf.cast(v1.real(y) if y.dtype.is_complex else y, tf.float32) for y in outputs]

    return function


def run(example, backward=None):
    """Return [outputs, gradients, second derivatives] as the example's mode computes them, in float64.

    Args:
      backward: another than the example's own.
    """

    def program(differentiate, *inputs):
        inputs = list(inputs)
        variable = inputs.pop(0) if example.captures else None
        at = inputs + ([variable] if example.captures else [])
        f = function_of(example, override_of(example, variable, backward))
        if example.order == 1:
            outputs, gradients = differentiate(f, at, WEIGHTS)
            return [list(outputs), gradients, []]
        return _twice(example, differentiate, f, at)

    mode = mode_of(example)
    start = dict(variables=[np.float32(2)]) if example.captures else {}
    with mode.scope():
        found = mode.run(program, *[of.array for of in example.inputs], **start)
    shapes = [of.array for of in example.inputs] + [np.float32(0)] * example.captures
    filled = [[np.zeros_like(x) if g is None else g for g, x in zip(part, shapes)] for part in found[1:]]
    return [[np.asarray(y, np.float64) for y in found[0]]] + filled


def _twice(example, differentiate, f, at):
    @not_converted
    def first(*at):
        outputs, gradients = differentiate(f, at, WEIGHTS)
        gradients = [tf.zeros_like(x) if g is None else g for g, x in zip(gradients, at)]
        return list(outputs) + [v1.real(g) for g in gradients] + [v1.imag(g) for g in gradients if g.dtype.is_complex]

    n_outputs = example.calls * (len(example.inputs) + example.captures)
    weights = [1.0, 2.0, 3.0][: len(example.inputs)] + [1.0] * example.captures
    found, second = differentiate(first, at, [None] * n_outputs + weights + [None] * len(at))
    gradients = found[n_outputs : n_outputs + len(at)]
    if example.dtype == "complex64":
        imaginary = found[n_outputs + len(at) :]
        gradients = [tf.complex(*parts) for parts in zip(gradients, imaginary)] + gradients[len(imaginary) :]
    return [list(found[:n_outputs]), gradients, second]
