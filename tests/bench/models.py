"""Whole models, what users feel: a training step's seconds, peak memory and graph ops, with overrides and without.

Four models in which the override is everywhere, against the same model with `tf.custom_gradient`, with
`gradient_override_map` (in graphs, all that it can do), and without any override (the limit). Forward is the same for
all; where backward is another one, it has about the work of the native one.
"""

import collections

import numpy as np
import tensorflow as tf

from compat_grad import override_gradient
from tests.bench import memory
from tests.bench.contest import Unequal
from tests.bench.figures import LIMIT, OURS, THEIRS, Figure
from tests.bench.functions import jit_option
from tests.bench.timing import in_turns
from tests.modes import v1

MAP = "gradient_override_map"
GRAPH, FUNCTION, JIT, EAGER = "graph", "tf.function", "tf.function, jit_compile", "eager"
FIT = "Keras fit of 10 steps"

#: loss: (activation, variables, x) -> a scalar; x: the input's shape; variables: their shapes; forward, backward: the
#: activation; op_type: what `gradient_override_map` has to be given; op_level: whether ours is, too.
Model = collections.namedtuple("Model", "name loss x variables forward backward op_type op_level")


def figures(mode, effort):
    """Yield the figures of training steps in one mode."""
    for model in MODELS:
        yield from _of_model(model, mode, effort)


def _of_model(model, mode, effort):
    steps, ops, results = {}, {}, []
    for name in contenders(model, mode):
        try:
            step, ops[name] = STEPPERS[mode](model, name)
            results.append((name, step()))
        except ValueError as error:  # 1.15's tf.custom_gradient in a loop in a tf.function
            if name != THEIRS:
                raise
            print("{}: {} cannot do it: {}".format(model.name, name, str(error).strip().splitlines()[-1]))
            continue
        steps[name] = step
    _check_same(results, model)
    name = "{}, {}".format(model.name, mode)
    yield Figure("model step", name, "s", in_turns(steps, effort.rounds, effort.seconds))
    if memory.PEAK_KNOWN:
        peaks = {contender: [memory.peak(step) for _ in range(effort.builds)] for contender, step in steps.items()}
        yield Figure("model peak memory", name, "bytes", peaks)
    if any(ops.values()):
        yield Figure("model graph ops", name, "ops", {contender: [ops[contender]] for contender in steps})


def contenders(model, mode):
    """Return the names of those that can do it: whoever a map is lost to has nothing to say."""
    return [OURS, THEIRS, LIMIT] + ([MAP] if mode == GRAPH and model.op_type else [])


def _check_same(results, model):
    """Raise Unequal unless all but the limit have the same gradients, and that another one."""
    expected = results[0][1]
    for name, found in results[1:]:
        # XLA and Grappler put other ops together where the gradient is another one
        same = all(np.allclose(one, other, rtol=1e-3, atol=1e-5) for one, other in zip(found, expected))
        if same == (name == LIMIT):
            raise Unequal("{}: the gradients of {}, and those of {}".format(model.name, OURS, name))


def _activation(model, name):
    if name == OURS and model.op_level:
        return model.forward  # the whole loss is overridden
    if name == OURS:
        return override_gradient(model.forward, model.backward)
    if name == THEIRS:
        return _by_custom_gradient(model)
    return model.forward


def _by_custom_gradient(model):
    @tf.custom_gradient
    def activation(x):
        y = model.forward(x)
        return y, lambda dy: model.backward(_Op([x], [y]), dy)

    return activation


_Op = collections.namedtuple("_Op", "inputs outputs")
_registered = {}


def _loss(model, name):
    activation = _activation(model, name)

    def loss(x, variables):
        return model.loss(activation, variables, x)

    if name == OURS and model.op_level:
        return override_gradient(loss, {model.op_type: model.backward})
    if name != MAP:
        return loss
    registered = "bench {}".format(model.name)
    if registered not in _registered:
        _registered[registered] = tf.RegisterGradient(registered)(model.backward)

    def mapped(x, variables):
        with v1.get_default_graph().gradient_override_map({model.op_type: registered}):
            return loss(x, variables)

    return mapped


# --- the modes ------------------------------------------------------------------------------------------------


def _arrays(model):
    random = np.random.RandomState(0)
    variables = [random.normal(size=shape, scale=shape[-2] ** -0.5).astype("f") for shape in model.variables]
    return random.normal(size=model.x).astype("f"), variables


def _in_graph(model, name):
    x, variables = _arrays(model)
    with tf.Graph().as_default() as graph:
        feed = v1.placeholder(tf.float32, model.x)
        weights = [v1.get_variable("w{}".format(i), initializer=w, use_resource=True) for i, w in enumerate(variables)]
        loss = _loss(model, name)(feed, [w + 0.0 for w in weights])
        gradients = v1.gradients(loss, weights)
        session = v1.Session(graph=graph)
        session.run(v1.global_variables_initializer())
        step = session.make_callable(gradients, feed_list=[feed])
        return lambda: step(x), len(graph.get_operations())


def _eagerly(model, name):
    x, variables = _arrays(model)
    x, weights, loss = tf.constant(x), [tf.Variable(w) for w in variables], _loss(model, name)

    def step():
        with tf.GradientTape() as tape:
            value = loss(x, [w + 0.0 for w in weights])
        return tape.gradient(value, weights)

    return lambda: [gradient.numpy() for gradient in step()], 0


def _in_function(model, name, **options):
    x, variables = _arrays(model)
    x, weights, loss = tf.constant(x), [tf.Variable(w) for w in variables], _loss(model, name)

    @tf.function(**options)
    def step(x):
        with tf.GradientTape() as tape:
            value = loss(x, [w + 0.0 for w in weights])
        return tape.gradient(value, weights)

    n_ops = len(step.get_concrete_function(x).graph.get_operations())
    return lambda: [gradient.numpy() for gradient in step(x)], n_ops


def _by_keras(model, name):
    x, variables = _arrays(model)
    loss = _loss(model, name)

    class Net(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.all = [self.add_weight(name="w{}".format(i), shape=w.shape) for i, w in enumerate(variables)]

        def call(self, x):
            of_batch = loss(tf.ensure_shape(x, model.x), [tf.convert_to_tensor(w) + 0.0 for w in self.all])
            return tf.fill([model.x[0]], of_batch)  # what Keras takes for one of each example

    net = Net()
    net.compile(tf.keras.optimizers.SGD(RATE, clipnorm=1.0), loss=lambda _, of_batch: of_batch)
    xs, ys = np.concatenate([x] * FIT_STEPS), np.zeros(FIT_STEPS * model.x[0], np.float32)

    def fit():
        net.set_weights(variables)
        net.fit(xs, ys, batch_size=model.x[0], shuffle=False, verbose=0)
        return [(before - after) / RATE for before, after in zip(variables, net.get_weights())]

    return fit, 0


#: The rate is small, and gradients are clipped, for those of the spikes grow beyond all bounds.
FIT_STEPS, RATE = 10, 2.0**-6

STEPPERS = {
    FIT: _by_keras,
    GRAPH: _in_graph,
    EAGER: _eagerly,
    FUNCTION: _in_function,
    JIT: lambda model, name: _in_function(model, name, **jit_option()),
}


# --- the models -----------------------------------------------------------------------------------------------


def _residual(activation, variables, x):
    """A convolution, and blocks of two with a way around them."""
    y = activation(_convolved(x, variables[0]))
    for first, second in zip(variables[1::2], variables[2::2]):
        y = activation(y + _convolved(activation(_convolved(y, first)), second))
    return tf.reduce_mean(y * y)


def _convolved(x, w):
    return tf.nn.conv2d(x, w, strides=[1, 1, 1, 1], padding="SAME")


def _transformer(clipped, variables, x):
    """A block of attention and two dense layers, with what goes back through each of them clipped."""
    query, key, value, out, first, second = variables
    heads = [_heads(_dense(x, w)) for w in (query, key, value)]
    scores = tf.nn.softmax(tf.matmul(heads[0], heads[1], transpose_b=True) * HEAD**-0.5)
    mixed = tf.reshape(tf.transpose(tf.matmul(scores, heads[2]), [0, 2, 1, 3]), [-1, LENGTH, WIDTH])
    y = clipped(x + _dense(mixed, out))
    y = clipped(y + _dense(tf.nn.relu(_dense(y, first)), second))
    return tf.reduce_sum(y * y)


BATCH, LENGTH, WIDTH, HEAD = 8, 64, 128, 32


def _dense(x, w):
    return tf.reshape(tf.matmul(tf.reshape(x, [-1, w.shape[0]]), w), [-1, LENGTH, w.shape[1]])


def _heads(x):
    return tf.transpose(tf.reshape(x, [-1, LENGTH, WIDTH // HEAD, HEAD]), [0, 2, 1, 3])


def _convolutions(activation, variables, x):
    y = x
    for w in variables:
        y = activation(_convolved(y, w))
    return tf.reduce_sum(y)


def _spiking(spike, variables, x):
    """A hundred steps of neurons that leak, fire and are reset."""
    into, back = variables
    drive = tf.matmul(x, into)

    def step(index, potential, fired, total):
        potential = 0.9 * potential * (1.0 - fired) + drive + tf.matmul(fired, back)
        fired = spike(potential)
        return index + 1, potential, fired, total + tf.reduce_mean(fired)

    start = tf.constant(0), tf.zeros_like(drive), tf.zeros_like(drive), tf.constant(0.0)
    return tf.while_loop(lambda index, *_: index < STEPS, step, start, maximum_iterations=STEPS)[-1]


STEPS = 100


def _straight_through(op, dy):
    return dy


def _clip(op, dy):
    return tf.clip_by_value(dy, -0.5, 0.5)


def _guided(op, dy):
    return tf.where(dy > 0.0, dy, tf.zeros_like(dy)) * tf.cast(op.outputs[0] > 0.0, tf.float32)


def _of_fast_sigmoid(op, dy):
    return dy / tf.square(1.0 + tf.abs(op.inputs[0]))


def _fires(potential):
    return tf.sigmoid(8.0 * (potential - 1.0))


_WIDE = [[3, 3, 3, 16]] + [[3, 3, 16, 16]] * 6
MODELS = [
    Model("CNN, straight through", _residual, [16, 32, 32, 3], _WIDE, tf.nn.relu, _straight_through, "Relu", False),
    Model(
        "transformer block, clipped",
        _transformer,
        [BATCH, LENGTH, WIDTH],
        [[WIDTH, WIDTH]] * 4 + [[WIDTH, 4 * WIDTH], [4 * WIDTH, WIDTH]],
        tf.identity,
        _clip,
        "Identity",
        False,
    ),
    Model("CNN, guided backprop", _convolutions, [16, 32, 32, 3], _WIDE[:5], tf.nn.relu, _guided, "Relu", True),
    Model("spikes, 100 steps", _spiking, [32, 64], [[64, 128], [128, 128]], _fires, _of_fast_sigmoid, None, False),
]
