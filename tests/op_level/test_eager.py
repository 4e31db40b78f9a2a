"""Op-level overrides in eager mode: traced where that shows all that forward does, op by op where it does not."""

import gc
import importlib
import threading
import types
import warnings

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import _tf, override_gradient
from compat_grad._tf.op_callbacks import ExecutedOp
from compat_grad.op_level import search
from tests import modes
from tests.modes import assert_same_bits

pytestmark = pytest.mark.skipif(not modes.HAS_FUNCTIONS, reason="this TensorFlow process has no tf.function")

needs_op_callbacks = pytest.mark.skipif(
    not hasattr(tf, "autodiff"),
    reason="TensorFlow has op callbacks from 2.1 on, as it has forward mode",
)

X = np.array([[0.5, -1.25, 3.0], [1.5, 2.0, -7.5]], np.float32)
Y = np.maximum(X, 0)


def ten_x(op, dy):
    return 10.0 * dy * op.inputs[0]


def guided(op, dy):
    return tf.nn.relu(dy) * tf.cast(op.outputs[0] > 0.0, dy.dtype)


def features_and_scores(x):
    features = tf.nn.relu(x)
    return features, tf.reduce_sum(tf.nn.relu(features * features), 1)


def taped(f, x, persistent=False):
    """Return (the tape, what f returns) of a call under a tape that watches x."""
    with tf.GradientTape(persistent=persistent) as tape:
        tape.watch(x)
        result = f(x)
    return tape, result


def gradient_by_x(f, array=X):
    x = tf.constant(array)
    tape, y = taped(f, x)
    return tape.gradient(y, x).numpy()


# --- between outputs and what forward keeps ---------------------------------------------------------------------


@needs_op_callbacks
def test_the_gradient_of_one_output_by_another():
    f = override_gradient(features_and_scores, {"Relu": ten_x})
    for _ in range(3):
        x = tf.constant(X)
        tape, (features, scores) = taped(f, x, persistent=True)
        found = [tape.gradient(scores, features), tape.gradient(scores, x), tape.gradient(features, x)]
        by_features = 2 * Y * 10 * (Y * Y)
        assert_same_bits(modes.to_arrays(found), [by_features, 10 * by_features * X, 10 * X])


@needs_op_callbacks
def test_an_op_that_tensorflow_keeps_from_tapes_has_its_gradient_op_by_op():
    def stopped_twice(x):
        stopped = tf.stop_gradient(x)
        return stopped, tf.stop_gradient(stopped * stopped)

    f = override_gradient(stopped_twice, {"StopGradient": ten_x})
    for _ in range(2):
        x = tf.constant(X)
        tape, (once, twice) = taped(f, x, persistent=True)
        by_once = 2 * X * 10 * (X * X)
        found = [tape.gradient(twice, once), tape.gradient(twice, x)]
        assert_same_bits(modes.to_arrays(found), [by_once, 10 * by_once * X])


@needs_op_callbacks
def test_recording_that_is_stopped_around_a_call_stays_stopped():
    f = override_gradient(lambda x: [tf.stop_gradient(x)] * 2, {"StopGradient": ten_x})
    x = tf.constant(X)
    for _ in range(2):
        with tf.GradientTape() as tape:
            tape.watch(x)
            with _tf.stop_recording():
                y, _ = f(x)
        assert tape.gradient(y, x) is None


def test_without_op_callbacks_a_kept_tensor_is_warned_of_once_a_signature():
    if _tf.has_op_callbacks:
        pytest.skip("this TensorFlow has op callbacks")
    kept = []

    def forward(x):
        kept[:] = [tf.nn.relu(x)]
        return tf.nn.relu(kept[0] * 2.0)

    f = override_gradient(forward, {"Relu": ten_x}, name="net")
    with pytest.warns(UserWarning, match="'net': forward keeps a tensor that it computes") as warned:
        f(tf.constant(X))
    assert [warning.filename for warning in warned if "'net'" in str(warning.message)] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        f(tf.constant(X))
        override_gradient(lambda x: tf.nn.relu(tf.nn.relu(x) * 2.0), {"Relu": ten_x})(tf.constant(X))


@needs_op_callbacks
def test_second_derivatives_between_outputs():
    f = override_gradient(
        lambda x: (lambda h: (h, tf.nn.relu(h * 2.0)))(tf.nn.relu(x)), {"Relu": lambda op, dy: 3.0 * dy * op.outputs[0]}
    )
    x = tf.constant(X)
    with tf.GradientTape() as outer:
        outer.watch(x)
        tape, (features, scores) = taped(f, x)
        by_features = tape.gradient(scores, features)
    assert_same_bits(by_features.numpy(), 2 * 3 * (2 * Y))
    assert_same_bits(outer.gradient(by_features, x).numpy(), 6 * (3 * (2 * Y)) * 2 * (3 * Y))


@needs_op_callbacks
@pytest.mark.parametrize(
    "where", ["attribute", "list", "dict", "namespace", "module", "far away", "the argument itself"]
)
def test_the_gradient_by_what_forward_keeps(where):
    class Network:
        kept, features = [], None

        def __call__(self, x):
            h = tf.nn.relu(x)
            if where == "attribute":
                self.features = h
            elif where == "list":
                self.kept[:] = [h]
            elif where == "dict":
                named["h"] = h
            elif where in ("namespace", "module", "far away"):
                held.tensor = h
                for _ in range(20 if where == "far away" else 0):
                    held.tensor = [held.tensor]
            else:
                held.tensor, h = x, tf.nn.relu(x)
            return tf.nn.relu(h * 2.0)

    named, network = {}, Network()
    held = types.ModuleType("held") if where == "module" else types.SimpleNamespace()
    f = override_gradient(network, {"Relu": ten_x})
    for _ in range(2):
        x = tf.constant(X)
        tape, y = taped(f, x)
        ways = {"attribute": lambda: network.features, "list": lambda: network.kept[0], "dict": lambda: named["h"]}
        while isinstance(getattr(held, "tensor", None), list):
            (held.tensor,) = held.tensor
        found = tape.gradient(y, ways.get(where, lambda: held.tensor)())
        by_h = 2 * 10 * (2 * Y)
        assert_same_bits(found.numpy(), 10 * by_h * X if where == "the argument itself" else by_h)


@needs_op_callbacks
def test_a_tape_that_watches_inside_forward():
    kept = {}

    def forward(x):
        kept["h"] = tf.nn.relu(x)
        kept["tape"].watch(kept["h"])
        return tf.nn.relu(kept["h"] * 2.0)

    f = override_gradient(forward, {"Relu": ten_x})
    for _ in range(2):
        with tf.GradientTape() as kept["tape"]:
            y = f(tf.constant(X))
        assert_same_bits(kept["tape"].gradient(y, kept["h"]).numpy(), 2 * 10 * (2 * Y))


# --- what cannot be traced --------------------------------------------------------------------------------------


@needs_op_callbacks
def test_numpy_in_forward():
    seen = []

    def forward(x):
        seen.append(float(x.numpy()[0, 0]))
        return tf.nn.relu(x) * seen[-1]

    f = override_gradient(forward, {"Relu": ten_x})
    for array in (X, X, 3 * X):
        assert_same_bits(gradient_by_x(f, array), 10 * array * array[0, 0])
    assert seen == [0.5, 0.5, 1.5]


@needs_op_callbacks
@pytest.mark.parametrize(
    "read", [lambda v: v, lambda v: v.read_value(), tf.convert_to_tensor], ids=["v", "value", "convert"]
)
def test_reads_of_variables_op_by_op_also_those_within_other_ops(read):
    """tf.add(v, x) reads v in C++, where TensorFlow tells nobody."""
    v = tf.Variable(3.0)
    table = {"ReadVariableOp": lambda op, dy: 10.0 * dy, "Relu": lambda op, dy: 2.0 * dy}

    def untraceable(x):
        return tf.nn.relu(tf.add_n([tf.multiply(read(v), x + x.numpy() * 0.0), x]))

    def of_each_other(x):
        y = tf.nn.relu(tf.multiply(read(v), x))
        return y, tf.nn.relu(tf.add(y, x))

    first, second = override_gradient(untraceable, table), override_gradient(of_each_other, table)
    for _ in range(2):
        for f, by_v, by_x in ((first, 2.0 * 5.0 * 10.0, 2.0 * 4.0), (lambda x: second(x)[1], 4.0 * 5.0 * 10.0, 14.0)):
            x = tf.constant(5.0)
            tape, y = taped(f, x)
            found = tape.gradient(y, [v, x])
            assert [float(gradient) for gradient in found] == [by_v, by_x]


@needs_op_callbacks
@pytest.mark.parametrize("untraceable", [False, True], ids=["of each other", "untraceable"])
def test_an_override_inside_of_one_that_goes_op_by_op(untraceable):
    inner = override_gradient(lambda x: tf.square(tf.nn.relu(x)), {"Square": lambda op, dy: 7.0 * dy})
    forced = override_gradient(
        lambda x: tf.nn.relu(x) * 1.0, lambda op, dy: op.native_gradient(dy), strategy="gradient_override_map"
    )

    def around(function):
        def forward(x):
            if untraceable:
                x.numpy()
            y = function(x)
            return y * y, y

        return override_gradient(forward, {"Relu": lambda op, dy: 10.0 * dy}, name="net")

    x = tf.constant(X)
    for _ in range(2):
        tape, (z, _) = taped(around(inner), x)
        assert_same_bits(tape.gradient(z, x).numpy(), 10 * 7 * 2 * Y * Y)
        if _tf.traces_can_be_private:
            tape, (z, _) = taped(around(forced), x)
            assert_same_bits(tape.gradient(z, x).numpy(), 10 * 2 * Y)
        else:
            with pytest.raises(ValueError, match="'net': forward .* op by op.*does not show what is in there"):
                around(forced)(x)


@needs_op_callbacks
def test_outputs_made_of_each_other_where_reads_are_mapped_and_the_tape_is_in_a_function():
    """Forward is one op there, which would have no gradient between its outputs: None."""
    v = modes.variable(3.0)

    def features_and_scores(x):
        features = tf.nn.relu(v * x)
        return features, features * features

    table = {"ReadVariableOp": lambda op, dy: 10.0 * dy, "Relu": lambda op, dy: 2.0 * dy}
    f = override_gradient(features_and_scores, table, name="net")
    last = override_gradient(lambda x: features_and_scores(x)[1], table)

    @tf.function
    def by_features(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            features, scores = f(x)
        return tape.gradient(scores, features)

    @tf.function
    def by_variable(x):
        with tf.GradientTape() as tape:
            y = last(x)
        return tape.gradient(y, v)

    x = tf.constant(5.0)
    for _ in range(2):
        with pytest.raises(ValueError, match="'net': a tape in a function sees forward as one op.*Return only one"):
            by_features(x)
        assert float(by_variable(x)) == 2.0 * 15.0 * 2.0 * 5.0 * 10.0


@needs_op_callbacks
def test_a_variable_made_in_every_call():
    made = []

    def forward(x):
        made.append(tf.Variable(3.0))
        return tf.nn.relu(x * made[-1])

    f = override_gradient(forward, {"Relu": ten_x})
    for _ in range(3):
        x = tf.constant(X)
        before = len(made)
        tape, y = taped(f, x)
        dx, dw = tape.gradient(y, [x, made[-1]])
        assert_same_bits(dx.numpy(), 10 * (3 * X) * 3)
        np.testing.assert_allclose(dw.numpy(), np.sum(10 * (3 * X) * X), rtol=1e-6)
        assert len(made) > before
    assert all(variable.numpy() == 3.0 for variable in made)


class _MakesItsVariable(tf.Module if hasattr(tf, "Module") else object):
    def __init__(self, initial):
        self._initial = initial
        self.w = None

    def __call__(self, x):
        if self.w is None:
            self.w = tf.Variable(self._initial(x))
        assert x.numpy().shape == (2, 3)
        return tf.nn.relu(x * self.w)


@needs_op_callbacks
@pytest.mark.parametrize(
    "initial", [lambda x: tf.fill([3], 3.0), lambda x: np.full([3], 3.0, np.float32)], ids=["tensor", "array"]
)
def test_a_variable_made_in_a_trace_that_failed_has_its_value(initial):
    f = override_gradient(_MakesItsVariable(initial), {"Relu": ten_x})
    for _ in range(2):
        assert_same_bits(gradient_by_x(f), 10 * (3 * X) * 3)


@needs_op_callbacks
def test_a_variable_made_of_an_argument_in_a_trace_that_failed_has_none():
    f = override_gradient(_MakesItsVariable(lambda x: x[0] * 0.0 + 3.0), {"Relu": ten_x})
    for _ in range(2):  # late TensorFlow 2 reads an empty tensor then
        with pytest.raises((tf.errors.FailedPreconditionError, tf.errors.InvalidArgumentError)):
            f(tf.constant(X))


@needs_op_callbacks
def test_functions_that_it_calls_are_overridden_for_it_alone():
    nested = tf.function(lambda x: tf.nn.relu(x) * 3.0, autograph=False)
    nested(tf.constant(X))
    f = override_gradient(lambda x: nested(x + x.numpy() * 0), {"Relu": ten_x}, name="outer")
    if not hasattr(tf.saved_model, "SaveOptions") or not _traces_can_be_private():
        before = "'outer': forward cannot be traced.*calls the function|'outer': the Relu op .* was traced before"
        with pytest.raises(ValueError, match=before):
            f(tf.constant(X))
        return
    for _ in range(2):
        assert_same_bits(gradient_by_x(f), 30 * X)
        assert_same_bits(gradient_by_x(nested), 3 * (X > 0).astype(np.float32))
    concrete = nested.get_concrete_function(tf.TensorSpec([2, 3], tf.float32))
    f = override_gradient(lambda x: concrete(x + x.numpy() * 0), {"Relu": ten_x}, name="outer")
    with pytest.raises(ValueError, match="'outer': the Relu op .* is inside the function .*shared with other"):
        f(tf.constant(X))


def _traces_can_be_private():
    try:
        from tensorflow.python.saved_model import save_context
    except ImportError:
        return False
    return hasattr(save_context, "save_context")


@needs_op_callbacks
def test_an_op_that_the_fast_way_into_tensorflow_does_not_take():
    """With a list among its arguments TensorFlow records an op after its callbacks, and would have the last word."""

    def forward(x):
        assert x.numpy() is not None
        return tf.maximum([1.0, 1.0, 1.0], x)

    f = override_gradient(forward, {"Maximum": lambda op, dy: (None, 10.0 * dy * op.inputs[1])})
    assert_same_bits(gradient_by_x(f), 10 * X)


@needs_op_callbacks
def test_somebody_else_who_is_told_of_ops_is_told_of_those_that_are_overridden():
    told = []

    def tell(op_type, inputs, attributes, outputs, op_name=None, graph=None):
        if graph is None:
            told.append((op_type if isinstance(op_type, str) else op_type.decode(), len(inputs), len(outputs)))

    def forward(x):
        assert x.numpy() is not None
        return tf.maximum([1.0, 1.0, 1.0], x)

    f = override_gradient(forward, {"Maximum": lambda op, dy: (None, 10.0 * dy)})
    context = importlib.import_module("tensorflow.python.eager.context").context()
    context.add_op_callback(tell)
    try:
        assert_same_bits(gradient_by_x(f), np.full_like(X, 10))
    finally:
        context.remove_op_callback(tell)
    assert told.count(("Maximum", 2, 1)) == 1


@needs_op_callbacks
def test_op_tells_its_attributes_as_that_of_a_graph_does():
    seen = []

    def gradient(op, dy):
        seen.append([op.type] + [op.get_attr(name) for name in ("strides", "padding", "T", "data_format")])
        with pytest.raises(ValueError):
            op.get_attr("no such attribute")
        return op.native_gradient(7.0 * dy)

    image, kernel = tf.ones([1, 4, 4, 1]), tf.ones([2, 2, 1, 1])
    traced = override_gradient(lambda x: tf.nn.conv2d(x, kernel, [1, 1, 1, 1], "SAME"), {"Conv2D": gradient})
    alone = override_gradient(
        lambda x: tf.nn.conv2d(x + x.numpy() * 0, kernel, [1, 1, 1, 1], "SAME"), {"Conv2D": gradient}
    )
    found = [gradient_by_x(f, image.numpy()) for f in (traced, alone)]
    assert_same_bits(found[0], found[1])
    assert seen[0] == seen[1] == ["Conv2D", [1, 1, 1, 1], b"SAME", tf.float32, b"NHWC"]


@pytest.mark.skipif(not hasattr(tf, "raw_ops"), reason="definitions of all ops came with 1.14")
def test_attributes_that_eager_mode_was_not_given_are_those_of_a_graph():
    x, image, kernel = tf.ones([2, 2]), tf.ones([1, 4, 4, 1]), tf.ones([2, 2, 1, 1])
    with tf.Graph().as_default():
        x_, image_, kernel_ = (modes.v1.placeholder(tf.float32, tensor.shape) for tensor in (x, image, kernel))
        built = [
            tf.raw_ops.MatMul(a=x_, b=x_).op,
            tf.raw_ops.Conv2D(input=image_, filter=kernel_, strides=[1, 1, 1, 1], padding="SAME").op,
            tf.raw_ops.Placeholder(dtype=tf.float32).op,
        ]
    for op, inputs, given in zip(
        built,
        ([x, x], [image, kernel], []),
        ((), ("strides", [1, 1, 1, 1], "padding", "SAME"), ("dtype", tf.float32.as_datatype_enum)),
    ):
        executed = ExecutedOp(op.type, inputs, given)
        for name in (attribute.name for attribute in op.op_def.attr):
            expected, found = op.get_attr(name), executed.get_attr(name)
            if name == "shape":  # a message of TensorFlow's, or a TensorShape
                expected, found = tf.TensorShape(expected), tf.TensorShape(found)
                assert expected.ndims == found.ndims
            else:
                assert found == expected, name
        assert repr(executed) == "<eager {} op>".format(op.type)
    with pytest.raises(ValueError, match="eager Conv2D op does not tell its attribute 'padding'"):
        ExecutedOp("Conv2D", [image, kernel], ()).get_attr("padding")


@needs_op_callbacks
def test_forward_mode_op_by_op():
    x, tangent = tf.constant(X), np.full_like(X, 0.5)
    f = override_gradient(features_and_scores, {"Relu": lambda op, dy: tf.nn.relu(op.inputs[0]) * dy})
    with tf.autodiff.ForwardAccumulator(x, tf.constant(tangent)) as accumulator:
        features, _ = f(x)
    assert_same_bits(accumulator.jvp(features).numpy(), Y * tangent)


@needs_op_callbacks
def test_ops_in_a_branch_that_an_op_is_given_are_not_missed_op_by_op():
    shape = tf.TensorSpec(X.shape, tf.float32)
    relu = tf.function(lambda x: tf.nn.relu(x) * 3.0, autograph=False).get_concrete_function(shape)
    same = tf.function(lambda x: x * 1.0, autograph=False).get_concrete_function(shape)

    def forward(x):
        x.numpy()
        branches = {"then_branch": relu, "else_branch": same}
        return tf.nn.relu(tf.raw_ops.StatelessIf(cond=True, input=[x], Tout=[tf.float32], **branches)[0])

    said = "is inside the function" if _tf.traces_can_be_private else "does not show what is in there"
    with pytest.raises(ValueError, match="'net': .*" + said):
        override_gradient(forward, {"Relu": ten_x}, name="net")(tf.constant(X))


@needs_op_callbacks
def test_more_functions_than_are_remembered_op_by_op(monkeypatch):
    if not _tf.traces_can_be_private:
        pytest.skip("this TensorFlow does not show what is in a function that is executed (2.4 brought it)")
    monkeypatch.setattr(search, "MOST", 2)
    functions = [tf.function(lambda x, n=n: x * (n + 1.0), autograph=False) for n in range(5)]
    calls = []

    def forward(x):
        x.numpy()
        calls.append(None)
        return functions[len(calls) - 1](tf.nn.relu(x))

    f = override_gradient(forward, {"Relu": ten_x})
    assert_same_bits([gradient_by_x(f) for _ in functions], [(n + 1) * 10 * X for n in range(5)])


@needs_op_callbacks
def test_reads_of_another_thread_meanwhile_have_their_own_gradients():
    v, go, done, found = tf.Variable(3.0), threading.Event(), threading.Event(), []

    def of_another_thread():
        assert go.wait(60)
        tape, y = taped(lambda x: tf.add(v, x), tf.constant(5.0))
        found.extend([float(y), float(tape.gradient(y, v))])
        done.set()

    def forward(x):
        x.numpy()
        go.set()
        assert done.wait(60)
        return tf.multiply(v, x)

    other = threading.Thread(target=of_another_thread)
    other.start()
    tape, y = taped(override_gradient(forward, {"ReadVariableOp": lambda op, dy: 10.0 * dy}), tf.constant(5.0))
    other.join()
    assert (found, float(tape.gradient(y, v))) == ([8.0, 1.0], 50.0)


@needs_op_callbacks
def test_what_forward_has_no_op_of_is_still_refused():
    f = override_gradient(lambda x: tf.nn.relu(x + x.numpy() * 0), {"Relu": ten_x, "Elu": guided}, name="net")
    with pytest.raises(ValueError, match="'net': forward has no op of the type 'Elu'[.] The op types in it.*Relu"):
        f(tf.constant(X))


@needs_op_callbacks
def test_what_is_wrong_with_forward_itself_is_said_as_without_the_override():
    def forward(x):
        raise KeyError("no such layer")

    with pytest.raises(KeyError, match="no such layer"):
        override_gradient(forward, {"Relu": ten_x})(tf.constant(X))


@needs_op_callbacks
def test_an_override_inside_has_the_last_word():
    inner = override_gradient(
        lambda x: tf.maximum([0.0] * 3, x + x.numpy() * 0), {"Maximum": lambda op, dy: (None, 7 * dy)}
    )
    f = override_gradient(lambda x: inner(x) + tf.maximum(x, 0.0), {"Maximum": lambda op, dy: (10 * dy, None)})
    assert_same_bits(gradient_by_x(f), np.full_like(X, 17))


@needs_op_callbacks
def test_threads_go_op_by_op_at_once():
    meet = threading.Barrier(2)

    def forward(x):
        y = tf.nn.relu(x + x.numpy() * 0)
        meet.wait(60)  # in here both go op by op; one of them comes out first
        return tf.maximum([1.0, 1.0, 1.0], y)

    f = override_gradient(forward, {"Relu": ten_x, "Maximum": lambda op, dy: (None, 3.0 * dy)})
    found = []

    def run():
        for _ in range(3):
            found.append(gradient_by_x(f))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_same_bits(found, [30 * X] * 6)


# --- one call as the next ---------------------------------------------------------------------------------------


def test_calls_without_a_tape_run_forward_as_those_with_one():
    seen = []

    def forward(x, pair):
        seen.append(tf.executing_eagerly())
        pair.append(tf.nn.relu(x))
        return pair[-1] * tf.gradients(x * x, x)[0]

    f = override_gradient(forward, {"Relu": ten_x})
    mine = [tf.constant(X)]
    for _ in range(3):
        y = f(tf.constant(X), mine)
        assert len(mine) == 1
        assert_same_bits(y.numpy(), Y * (2 * X))
    assert gradient_by_x(lambda x: f(x, mine)) is not None
    assert set(seen) == {False}
    assert len(seen) == 1  # traced once


@needs_op_callbacks
def test_grad_cam_as_keras_io_writes_it():
    layers = tf.keras.layers
    inputs = tf.keras.Input([6, 6, 2])
    features = layers.Conv2D(3, 3, activation="relu")(inputs)
    scores = layers.Dense(2)(layers.Flatten()(layers.ReLU()(features)))
    model = tf.keras.Model(inputs, [features, scores])
    image = tf.constant(np.random.RandomState(0).uniform(-1.0, 1.0, [1, 6, 6, 2]).astype(np.float32))

    def cam(call):
        with tf.GradientTape() as tape:
            features, scores = call(image)
            best = scores[:, 0]
        return tape.gradient(best, features)

    native = cam(model).numpy()
    f = override_gradient(model, {"Relu": lambda op, dy: 10.0 * dy})
    for call in (lambda: cam(f), lambda: cam(f), tf.function(lambda: cam(f))):
        found = call().numpy()
        # every feature is positive or zero, where native and overridden gradient differ by more than the factor
        positive = np.asarray(model(image)[0]) > 0
        np.testing.assert_allclose(found[positive], 10 * native[positive], rtol=1e-5)
        assert np.abs(found[~positive]).max() > 0.0


def test_the_first_call_of_an_override_does_not_look_through_all_that_the_process_holds(monkeypatch):
    """Which takes longer than all else, the more so the more there is, and is for forwards that keep tensors."""
    override_gradient(lambda x: tf.nn.relu(x) * 2.0, {"Relu": ten_x})(tf.constant(X))  # counted once in a process

    def refuse(*held):
        raise AssertionError("a look through all objects")

    monkeypatch.setattr(gc, "get_referrers", refuse)
    f = override_gradient(lambda x: tf.nn.relu(tf.nn.relu(x) * 2.0) + x, {"Relu": ten_x})
    assert_same_bits(gradient_by_x(f), 10 * X * 2 * (10 * 2 * Y) + 1)
