"""Random programs of ops, functions, loops, branches and what recomputes, within one another: in TensorFlow and NumPy.

Every Relu in a program shall have the gradient `TEN`, and every Square within "inner" the gradient `SEVEN`; all else
has its own. All numbers are integers that float32 holds.
"""

import collections

import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from compat_grad import _tf, override_gradient

#: A value made of earlier ones. kind: an op, or what stands around a program; of, other: which of the earlier values,
#: from the last one back; inside: the steps of that program.
Step = collections.namedtuple("Step", "kind of other inside")

#: steps; outputs: which values are returned, the first to be differentiated; mode: where the tape is; untraceable:
#: whether forward can only be run op by op.
Program = collections.namedtuple("Program", "steps outputs mode untraceable")

TEN, SEVEN = 10.0, 7.0
X, W = np.array([1.0, -1.0, 2.0], np.float32), np.array([2.0, -1.0, 1.0], np.float32)
MOST = 2.0**20
OPS = ["add", "negative", "relu", "relu", "square", "times w"]
EAGER, OUTSIDE, INSIDE = "eager", "tape outside of a function", "tape inside a function"


# --- what is drawn --------------------------------------------------------------------------------------------------


def _around():
    around = ["branch", "checkpoint", "custom_gradient", "inner", "loop", "native_gradient", "whole"]
    if hasattr(tf, "switch_case") and _tf.has_op_callbacks:
        around.append("switch")
    if _tf.traces_can_be_private:  # before 2.4 ops in functions that forward calls are refused
        around.append("function")
    if hasattr(tf, "recompute_grad") and _tf.traces_can_be_private:
        around.append("recompute_grad")
    return around


def _steps(depth):
    back = st.integers(0, 3)
    step = st.builds(Step, kind=st.sampled_from(OPS), of=back, other=back, inside=st.just(()))
    if depth > 0:
        nested = st.builds(
            Step,
            kind=st.sampled_from(_around()),
            of=back,
            other=st.just(0),
            inside=st.deferred(lambda: _steps(depth - 1)),
        )
        step = st.one_of(step, nested)
    return st.lists(step, min_size=1, max_size=4).map(tuple)


@st.composite
def programs(draw):
    """Draw a program with a Relu in it."""
    steps = draw(_steps(2).filter(lambda steps: has(steps, "relu") and not _reads_again(steps)))
    mode = draw(st.sampled_from([EAGER, OUTSIDE, INSIDE]))
    several = mode is INSIDE or (mode is EAGER and _tf.has_op_callbacks)  # outputs that are made of each other
    outputs = (0, draw(st.integers(0, len(steps) - 1))) if several and draw(st.booleans()) else (0,)
    untraceable = mode is EAGER and _tf.traces_can_be_private and draw(st.booleans())
    return Program(steps, outputs, mode, untraceable)


_RECOMPUTING = ("checkpoint", "custom_gradient", "native_gradient", "recompute_grad")


def _reads_again(steps, in_control_flow=False):
    """Whether a backward reads a variable in a loop or branch, which TensorFlow fails at in some cases (see limits)."""
    for step in steps:
        if in_control_flow and step.kind in _RECOMPUTING and has(step.inside, "times w"):
            return True
        if _reads_again(step.inside, in_control_flow or step.kind in ("branch", "loop", "switch")):
            return True
    return False


def has(steps, kind):
    return any(step.kind == kind or has(step.inside, kind) for step in steps)


# --- in TensorFlow --------------------------------------------------------------------------------------------------


def by_overrides(program, w):
    """Return the program as a function of x, with the gradients of its ops overridden."""
    forward = _Builder(w, tf.nn.relu, tf.square, _INSTEAD).function(program)
    return override_gradient(forward, {"Relu": lambda op, dy: TEN * dy}, name="net")


def by_custom_gradients(program, w):
    """Return the same without compat_grad: each op has a tf.custom_gradient, as has all that overrides are for."""
    return _Builder(w, _relu, tf.square, _RIVALS).function(program)


class _Builder:
    def __init__(self, w, relu, square, instead):
        self.w, self.relu, self.square, self.instead = w, relu, square, instead

    def function(self, program):
        steps = [self.build(step) for step in program.steps]

        def forward(x):
            if program.untraceable:
                x.numpy()
            values = _run(steps, x)
            outputs = [values[-1 - index] for index in program.outputs]
            return outputs if len(outputs) > 1 else outputs[0]

        return forward

    def build(self, step):
        """Return step as a function of all earlier values."""
        if step.kind == "add":
            return lambda values: _pick(values, step.of) + _pick(values, step.other)
        function = self.function_of(step)
        return lambda values: function(_pick(values, step.of))

    def function_of(self, step):
        if not step.inside:
            ops = {
                "negative": lambda x: 2.0 - x,
                "relu": self.relu,
                "square": self.square,
                "times w": lambda x: x * self.w,
            }
            return ops[step.kind]
        builder = self
        if step.kind == "inner" and self.instead is _RIVALS:
            builder = _Builder(self.w, self.relu, _square, _RIVALS)
        steps = [builder.build(inner) for inner in step.inside]
        return self.instead.get(step.kind, _AROUND.get(step.kind))(lambda x: _run(steps, x)[-1] * 1.0)


def _run(steps, x):
    values = [x]
    for step in steps:
        values.append(step(values))
    return values


def _pick(values, back):
    return values[-1 - min(back, len(values) - 1)]


def _relu(x):
    return tf.custom_gradient(lambda x: (tf.nn.relu(x), lambda dy: TEN * dy))(x)


def _square(x):
    return tf.custom_gradient(lambda x: (tf.square(x), lambda dy: SEVEN * dy))(x)


def _custom_gradient(f):
    @tf.custom_gradient
    def recomputed(x):
        x = tf.identity(x)

        def gradient(dy, variables=()):
            of_x, *of_variables = _gradients(f, x, dy, variables)
            return (of_x, of_variables) if variables else of_x

        return f(x), gradient

    return recomputed


def _checkpoint(f):
    def backward(op, dy, variables=()):
        of_x, *of_variables = _gradients(f, op.inputs[0], dy, variables)
        return ([of_x], of_variables) if variables else of_x

    return override_gradient(f, backward, name="checkpoint")


def _gradients(f, x, dy, variables):
    with tf.GradientTape() as tape:
        again = tf.identity(x)
        tape.watch(again)
        y = f(again)
    return tape.gradient(y, [again] + list(variables), dy)


def _whole(f):
    def backward(op, dy, variables=()):
        return ([3.0 * dy], [2.0 * tf.reduce_sum(dy) * tf.ones_like(v) for v in variables]) if variables else 3.0 * dy

    return override_gradient(f, backward, name="whole")


def _whole_by_custom_gradient(f):
    @tf.custom_gradient
    def whole(x):
        def gradient(dy, variables=()):
            return (3.0 * dy, [2.0 * tf.reduce_sum(dy) * tf.ones_like(v) for v in variables]) if variables else 3.0 * dy

        return f(x), gradient

    return whole


def _native_gradient(f):
    def backward(op, dy, variables=()):
        return op.native_gradient(dy)

    return override_gradient(f, backward, name="native")


_AROUND = {
    "branch": lambda f: lambda x: tf.cond(tf.reduce_sum(tf.abs(x)) > -1.0, lambda: f(x), lambda: x),
    "custom_gradient": _custom_gradient,
    "function": lambda f: tf.function(f, autograph=False),
    "loop": lambda f: lambda x: tf.while_loop(lambda i, y: i < 2, lambda i, y: (i + 1, f(y)), (tf.constant(0), x))[1],
    "recompute_grad": lambda f: tf.recompute_grad(f),
    "switch": lambda f: lambda x: tf.switch_case(tf.constant(1), [lambda: x, lambda: f(x)]),
}
_INSTEAD = {
    "checkpoint": _checkpoint,
    "inner": lambda f: override_gradient(f, {"Square": lambda op, dy: SEVEN * dy}, on_unused="ignore", name="inner"),
    "native_gradient": _native_gradient,
    "whole": _whole,
}
_RIVALS = {
    "checkpoint": _custom_gradient,
    "inner": lambda f: f,
    "native_gradient": _custom_gradient,
    "whole": _whole_by_custom_gradient,
}


def differentiate(f, program, w):
    """Return the gradients of the first output by x, the variable w and the other output, None for zero."""

    def gradients(f, x, of_output):
        with tf.GradientTape() as tape:
            tape.watch(x)
            found = f(x)
        outputs = list(found) if isinstance(found, (list, tuple)) else [found]
        return tape.gradient(outputs[0], [x, w] + (outputs[1:] if of_output else []))

    x = tf.constant(X)
    if program.mode is OUTSIDE:
        found = gradients(tf.function(f, autograph=False), x, False)
    elif program.mode is INSIDE:
        found = _call_with_nones(lambda x: gradients(f, x, True), x)
    else:
        found = gradients(f, x, True)
    return [None if one is None else tf.convert_to_tensor(one).numpy() for one in found]


def _call_with_nones(f, x):
    """Return what tf.function(f)(x) returns, whose result may have None in it."""
    is_none = []

    def dense(x):
        found = f(x)
        is_none[:] = [one is None for one in found]
        return [one for one in found if one is not None]

    given = iter(tf.function(dense, autograph=False)(x))
    return [None if none else next(given) for none in is_none]


# --- in NumPy -------------------------------------------------------------------------------------------------------


class _Value:
    """A value with what it was made of: (value, vector-Jacobian product)."""

    def __init__(self, array, *made_of):
        self.array, self.made_of = array, made_of


def expected(program):
    """Return the gradients as `differentiate` does, zeros where there is none."""
    x, w = _Value(X), _Value(W)
    values = _values(program.steps, x, w, False)
    outputs = [values[-1 - index] for index in program.outputs]
    sources = [x, w] + (outputs[1:] if program.mode is not OUTSIDE else [])
    of = collections.defaultdict(lambda: np.zeros_like(X))
    of[outputs[0]] = np.ones_like(X)
    for value in reversed(_in_order(outputs[0])):
        for source, vjp in value.made_of:
            of[source] = of[source] + vjp(of[value])
    return [of[source] for source in sources]


def _in_order(value):
    ordered, seen = [], set()

    def visit(value):
        if value not in seen:
            seen.add(value)
            for source, _ in value.made_of:
                visit(source)
            ordered.append(value)

    visit(value)
    return ordered


def is_exact(program):
    """Whether all numbers are small enough."""
    with np.errstate(over="ignore", invalid="ignore"):
        x, w = _Value(X.astype(np.float64)), _Value(W.astype(np.float64))
        value = _values(program.steps, x, w, False)[-1 - program.outputs[0]]
        sizes = [np.abs(each.array).max() for each in _in_order(value)] + [
            np.abs(one).max() for one in expected(program)
        ]
        return max(sizes) < MOST


def _values(steps, x, w, inner):
    values = [x]
    for step in steps:
        values.append(_value(step, _pick(values, step.of), _pick(values, step.other), w, inner))
    return values


def _value(step, x, other, w, inner):
    array = x.array
    if step.kind == "add":
        return _Value(array + other.array, (x, lambda dy: dy), (other, lambda dy: dy))
    if step.kind == "negative":
        return _Value(2.0 - array, (x, lambda dy: -dy))
    if step.kind == "relu":
        return _Value(np.maximum(array, 0.0), (x, lambda dy: TEN * dy))
    if step.kind == "square":
        return _Value(array * array, (x, lambda dy: SEVEN * dy if inner else 2.0 * dy * array))
    if step.kind == "times w":
        return _Value(array * w.array, (x, lambda dy: dy * w.array), (w, lambda dy: dy * array))
    inside = _values(step.inside, x, w, inner or step.kind == "inner")[-1]
    if step.kind == "loop":
        inside = _values(step.inside, inside, w, inner)[-1]
    if step.kind == "whole":
        of_w = [(w, lambda dy: 2.0 * dy.sum() * np.ones_like(W))] if has(step.inside, "times w") else []
        return _Value(inside.array, (x, lambda dy: 3.0 * dy), *of_w)
    return _Value(inside.array, (inside, lambda dy: dy))
