"""Functions with overrides, of one vector, in exact arithmetic: what is saved, loaded elsewhere and compared."""

import tensorflow as tf

from compat_grad import override_gradient
from compat_grad._tf import private_traces

v1 = getattr(getattr(tf, "compat", None), "v1", tf)
X = [0.5, -1.25, 3.0]


@override_gradient(backward=lambda op, dy: dy * 10.0 * op.inputs[0])
def tenfold(x):
    """The value 2x with the gradient 10x."""
    return 2.0 * x


@override_gradient(backward=lambda op, dy: dy * 3.0 * op.outputs[0])
def by_output(x):
    """The value x*x with the gradient 3*x*x."""
    return x * x


scaled = override_gradient(
    lambda x, scale: scale * x, lambda op, dy: dy * 5.0 * op.inputs[1] * op.inputs[0], name="scaled"
)
two = override_gradient(
    lambda x, y: (x + y, x * y), lambda op, dx, dy: (dx * 2.0 * op.inputs[1], dy * op.outputs[0]), name="two"
)
surrogate = override_gradient(tf.sign, surrogate=lambda x: 2.0 * x * x)
relus = override_gradient(
    lambda x: tf.nn.relu(x) * tf.nn.relu(-x - 1.0), {"Relu": lambda op, dy: dy * 7.0 * op.inputs[0]}, name="relus"
)
products = override_gradient(
    lambda x: x * tf.reverse(x, [0]), {"Mul": lambda op, dy: (dy * 3.0 * op.inputs[1], None)}, name="products"
)


def _in_branch(x):
    return tf.cond(tf.reduce_sum(x) > 0.0, lambda: tenfold(2.0 * x) * x, lambda: x)


def _in_loop(x):
    _, y = tf.while_loop(lambda i, y: i < 2, lambda i, y: (i + 1, tenfold(0.5 * y) * y), [0, x])
    return y


_nested = {}  # made when first asked for: a tf.function made now would not be converted in some versions


def _in_function(x):
    inner = _nested.setdefault("inner", tf.function(lambda x: tenfold(x) * by_output(x)))
    return inner(x) - inner(0.5 * x)


_relu_in_function = override_gradient(
    lambda x: _nested.setdefault("relu", tf.function(lambda x: tf.nn.relu(2.0 * x) * 3.0))(x),
    {"Relu": lambda op, dy: dy * 7.0 * op.inputs[0]},
    name="relu_in_function",
)


_relu_in_branch = override_gradient(
    lambda x: tf.cond(tf.reduce_sum(x) > 0.0, lambda: tf.nn.relu(2.0 * x), lambda: x),
    {"Relu": lambda op, dy: dy * 7.0 * op.inputs[0]},
    name="relu_in_branch",
)

blocked = override_gradient(lambda x: 2.0 * x, lambda op, dy: None, name="blocked")
override_within = override_gradient(lambda x: x, lambda op, dy: tenfold(dy * op.inputs[0]), name="override_within")
_function_within = override_gradient(
    lambda x: x, lambda op, dy: _in_function(dy * op.inputs[0]), name="function_within"
)
_capturing_within = override_gradient(
    lambda x: x * x, lambda op, dy: tf.function(lambda dy: tenfold(dy * op.inputs[0]))(dy), name="capturing_within"
)
endless = override_gradient(lambda x: 2.0 * x, lambda op, dy: dy * endless(op.inputs[0]), name="endless")

#: name -> function, whose gradients a SavedModel of TensorFlow 2.6 or later carries
CARRIED = {
    "one call": tenfold,
    "by its output": by_output,
    "two calls, one on the other's": lambda x: tenfold(tenfold(x)) + by_output(x),
    "a plain argument": lambda x: scaled(x, 3.0) + scaled(x, 0.5),
    "two outputs": lambda x: tf.add_n(list(two(x, 2.0 * x))),
    "a surrogate": surrogate,
    "in a nested function": _in_function,
    "by op": relus,
    "by op, of two inputs": products,
    "no gradient at all": lambda x: x + blocked(x),
    "an override in backward": override_within,
    "a function of overrides in backward": _function_within,
    "a function in backward that captures": _capturing_within,
}
if private_traces._save_context is not None:  # before 2.4 a nested function is refused
    CARRIED["by op, in a nested function"] = _relu_in_function
#: The same, in bodies of control flow, which late 2.x carries.
CARRIED_IN_BODIES = {
    "in a branch": _in_branch,
    "in a loop": _in_loop,
    "by op, in a branch": _relu_in_branch,
}
