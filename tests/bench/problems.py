"""The problems: functions with a backward of about the work of the native one, so that no override is the limit."""

import collections
import itertools

import numpy as np
import tensorflow as tf

from compat_grad import override_gradient
from tests.bench.contest import Contest, Unable
from tests.bench.figures import LIMIT, OURS, THEIRS, TRICK
from tests.modes import v1

SCALAR, LARGE = (), (2000000,)  # the call itself, and 8 MB
_serial = itertools.count()


class Problem(collections.namedtuple("Problem", "name shape n_inputs nested captures")):
    """A function of one or eight tensors of a shape; nested: in a structure; captures: it uses a variable, too."""

    has_second_order = True

    @property
    def is_cheap(self):
        """Whether the call costs more than the work."""
        return self.shape == SCALAR

    def arrays(self):
        """Return the inputs."""
        return [np.full(self.shape, 0.999 - 0.125 * index, np.float32) for index in range(self.n_inputs)]

    def contest(self, inputs):
        """Return the `Contest` on these tensors, with variables of its own in the current graph or in eager mode."""
        arguments = _nest(*inputs) if self.nested else tuple(inputs)
        if self.captures:
            w = _new_variable(np.full(self.shape, 1.25, np.float32))
            return Contest(self.name, _that_capture(w), arguments, inputs, inputs + [w], 0.0)
        forward = tf.tanh if self.n_inputs == 1 else (_tanh_of_nested if self.nested else _tanh_of_sum)
        contenders = {
            OURS: override_gradient(forward, lambda op, dy: _times_first(op.inputs, dy)),
            THEIRS: _by_custom_nested(forward) if self.nested else _by_custom_gradient(forward),
            LIMIT: forward,
        }
        return Contest(self.name, contenders, arguments, inputs, inputs, 0.0)


def _times_first(xs, dy):
    return [dy * xs[0]] * len(xs)  # natively dy * (1 - y ** 2), one op as well


def _tanh_of_sum(*xs):
    return tf.tanh(tf.add_n(xs))


def _nest(x, *more):
    return x, {"a": list(more[:3]), "b": more[3:]}


def _tanh_of_nested(x, more):
    return tf.tanh(tf.add_n([x] + more["a"] + list(more["b"])))


def _by_custom_gradient(forward):
    @tf.custom_gradient
    def overridden(*xs):
        return forward(*xs), lambda dy: _times_first(xs, dy)

    return overridden


def _by_custom_nested(forward):
    """Flatten by hand, which every TensorFlow can take, and which is faster than what the later ones do."""
    flat = _by_custom_gradient(lambda *xs: forward(*_nest(*xs)))
    return lambda x, more: flat(x, *(more["a"] + list(more["b"])))


def _that_capture(w):
    def forward(x):
        return tf.tanh(x) * w

    def backward(x, dy, variables):
        if variables is None:
            raise Unable("it is not told which variables were used")
        return dy * x * variables[0], [dy * x]

    @tf.custom_gradient
    def theirs(x):
        return forward(x), lambda dy, variables=None: backward(x, dy, variables)

    ours = override_gradient(forward, lambda op, dy, variables=None: backward(op.inputs[0], dy, variables))
    return {OURS: ours, THEIRS: theirs, LIMIT: forward}


def _new_variable(value):
    # The one way to a variable that tf.custom_gradient accepts in graphs.
    name = "variable_{}".format(next(_serial))
    return v1.get_variable(name, initializer=tf.constant(value), use_resource=True)


# --- the surrogate form against the trick as one writes it by hand --------------------------------------------


class Surrogate(Problem):
    """The value of sign with the gradient of tanh."""

    def contest(self, inputs):
        """Return the `Contest` on these tensors."""
        contenders = {OURS: override_gradient(tf.sign, surrogate=tf.tanh), TRICK: _trick, LIMIT: tf.sign}
        return Contest(self.name, contenders, tuple(inputs), inputs, inputs, 1e-6)  # the trick rounds


def _trick(x):
    t = tf.tanh(x)
    return t + tf.stop_gradient(tf.sign(x) - t)


# --- op-level mapping against the model without it ------------------------------------------------------------


class OpLevel(Problem):
    """A small model whose every tanh has another gradient. There is no rival: in eager mode nothing else does it."""

    has_second_order = hasattr(tf, "function")  # before, functions have no gradients of their gradients

    def contest(self, inputs):
        """Return the `Contest` on these tensors."""
        contenders = {OURS: override_gradient(_model, {"Tanh": _times_input}), LIMIT: _model}
        return Contest(self.name, contenders, tuple(inputs), inputs, inputs, 0.0)


def _model(x):
    return tf.tanh(0.5 * x + tf.tanh(x))


def _times_input(op, dy):
    return dy * op.inputs[0]


# --- which there are ------------------------------------------------------------------------------------------

PROBLEMS = [
    Problem("{}, {}".format(kind, name), shape, n_inputs, nested, captures)
    for kind, shape in (("scalar", SCALAR), ("8 MB", LARGE))
    for name, n_inputs, nested, captures in (
        ("one input", 1, False, False),
        ("eight inputs", 8, False, False),
        ("eight nested", 8, True, False),
        ("captured variable", 1, False, True),
    )
]
PROBLEMS += [
    special("{}, {}".format(name, kind), shape, 1, False, False)
    for name, special in (("surrogate", Surrogate), ("op-level", OpLevel))
    for kind, shape in (("scalar", SCALAR), ("8 MB", LARGE))
]
CHEAP = [problem for problem in PROBLEMS if problem.is_cheap]


def cheap(effort):
    """Return the problems whose call costs more than the work, the simplest first."""
    return CHEAP if effort.large else [CHEAP[place] for place in _ONE_OF_EACH_KIND]


_ONE_OF_EACH_KIND = (0, 2, 3, 4, 5)  # eight inputs are among eight nested ones


def problems(effort):
    """Return the problems to measure."""
    return PROBLEMS if effort.large else cheap(effort)
