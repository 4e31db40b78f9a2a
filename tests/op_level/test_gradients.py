"""Op-level overrides, ``backward={"Relu": ...}``: what the legacy override map gave in a graph, in every mode."""

import collections
import gc
import importlib
import threading
import warnings
import weakref

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from compat_grad._tf import private_traces
from compat_grad.call import traced
from tests import modes
from tests.modes import assert_same_bits, flat

X = np.array([[0.5, -1.25, 3.0], [1.5, 2.0, -7.5]], np.float32)
IMAGE = np.random.RandomState(0).uniform(-2.0, 2.0, [2, 6, 6, 3]).astype(np.float32)
KERNEL = np.random.RandomState(1).uniform(-1.0, 1.0, [3, 3, 3, 4]).astype(np.float32)

fused_batch_norm = (
    tf.compat.v1.nn.fused_batch_norm if hasattr(tf, "compat") and modes.IS_TF2 else tf.nn.fused_batch_norm
)
max_pool = getattr(getattr(modes.v1, "nn", None), "max_pool", None)
fake_quant = getattr(getattr(tf, "quantization", tf), "fake_quant_with_min_max_args", None) or (
    tf.fake_quant_with_min_max_args
)


def tenfold(op, *dys):
    """Visibly not the gradient of anything: ten times the output gradient's sum, times the input."""
    return [10.0 * tf.reduce_sum(dys[0]) * x if x.dtype.is_floating else None for x in op.inputs]


def guided(op, dy):
    """Guided backpropagation, as legacy code has it: negative gradients stop."""
    return tf.where(dy > 0.0, tf.as_dtype(op.get_attr("T")).as_numpy_dtype(1) * dy, tf.zeros_like(dy)) * tf.cast(
        op.outputs[0] > 0.0, dy.dtype
    )


def first(mode, f, *arrays):
    """Return [outputs, gradients of their weighted sum]."""

    def program(differentiate, *inputs):
        outputs, gradients = differentiate(f, inputs, [2.0, 3.0, 5.0])
        return flat(outputs), gradients

    return mode.run(program, *arrays)


# --- the same as the legacy code --------------------------------------------------------------------------------

Legacy = collections.namedtuple("Legacy", "forward arrays mapping")


def batch_norm(x):
    return fused_batch_norm(x, tf.constant([1.0, 2.0, 0.5]), tf.constant([0.5, 0.0, 1.0]), is_training=True)[0]


def _type_of_batch_norm():
    with tf.Graph().as_default() as graph:
        batch_norm(tf.constant(IMAGE))
    types = [op.type for op in graph.get_operations() if op.type.startswith("FusedBatchNorm")]
    return types[0] if types else "FusedBatchNorm"  # TensorFlow 1.7 stays eager in there


def _is_called_in_a_function(mode):
    return mode in (modes.TAPE_OUTSIDE, modes.TAPE_INSIDE, modes.GRADIENTS_INSIDE)


def network(x):
    """A small CNN; nothing in it knows of overrides."""
    y = tf.nn.conv2d(x, tf.constant(KERNEL), strides=[1, 1, 1, 1], padding="SAME")
    y = tf.nn.relu(tf.nn.bias_add(y, tf.constant([0.5, -0.5, 0.25, 0.0])))
    y = max_pool(y, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")
    y = tf.nn.elu(
        tf.matmul(tf.reshape(y, [2, 36]), tf.constant(np.linspace(-1.0, 1.0, 72, dtype=np.float32), shape=[36, 2]))
    )
    return tf.nn.softmax(y) * tf.constant([[1.0, -3.0]])


def pooled(op, dy):
    """TensorFlow's own gradient, whatever the attributes, tripled."""
    (dx,) = op.native_gradient(dy) if hasattr(op, "native_gradient") else [_registry().lookup("MaxPool")(op, dy)]
    assert list(op.get_attr("ksize")) == [1, 2, 2, 1]
    return 3.0 * dx


def _registry():
    """Where legacy code finds TensorFlow's own gradients."""
    from tensorflow.python.framework import ops

    return getattr(ops, "gradient_registry", None) or ops._gradient_registry


LEGACY = {
    "Relu": Legacy(lambda x: tf.nn.relu(x) * (x - 1.0), [X], {"Relu": guided}),
    "Elu": Legacy(tf.nn.elu, [X], {"Elu": tenfold}),
    "MaxPool": Legacy(lambda x: max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "SAME"), [IMAGE], {"MaxPool": pooled}),
    "Round": Legacy(tf.round, [X], {"Round": "Identity"}),
    "Sign": Legacy(tf.sign, [X], {"Sign": "Identity"}),
    "Identity": Legacy(tf.identity, [X], {"Identity": lambda op, dy: -dy}),
    "StopGradient": Legacy(lambda x: tf.stop_gradient(x) * (x - 1.0), [X], {"StopGradient": tenfold}),
    "FakeQuant": Legacy(lambda x: fake_quant(x), [X], {"FakeQuantWithMinMaxArgs": tenfold}),
    "Conv2D": Legacy(
        lambda x, w: tf.nn.conv2d(x, w, strides=[1, 1, 1, 1], padding="SAME"), [IMAGE, KERNEL], {"Conv2D": tenfold}
    ),
    "Softmax": Legacy(tf.nn.softmax, [X], {"Softmax": tenfold}),
    "MatMul": Legacy(lambda x: tf.matmul(x, x, transpose_b=True), [X], {"MatMul": tenfold}),
    "BiasAdd": Legacy(lambda x: tf.nn.bias_add(x, tf.constant([1.0, 2.0, 3.0])), [X], {"BiasAdd": tenfold}),
    "FusedBatchNorm": Legacy(batch_norm, [IMAGE], {_type_of_batch_norm(): tenfold}),
    "another op's gradient": Legacy(lambda x: tf.sign(x) * x, [X], {"Sign": "Identity", "Mul": "Add"}),
    "a network": Legacy(network, [IMAGE], {"Relu": guided, "MaxPool": pooled, "Elu": tenfold}),
}


def legacy_gradients(case):
    """What the legacy code gives: the override map around the ops of a TensorFlow 1 graph, and a session."""

    def name_of(gradient):
        if isinstance(gradient, str):
            return gradient
        name = "test_op_level_{}_{}".format(case, gradient.__name__)
        if name not in registered:
            modes.v1.RegisterGradient(name)(gradient)
            registered.add(name)
        return name

    forward, arrays, mapping = LEGACY[case]
    names = {op_type: name_of(gradient) for op_type, gradient in mapping.items()}
    with tf.Graph().as_default() as graph:

        def mapped(*xs):
            with graph.gradient_override_map(names):
                return forward(*xs)

        return first(modes.GRAPH, mapped, *arrays)


registered = set()


@pytest.mark.skipif(not modes.HAS_GRAPHS, reason="this TensorFlow refuses graphs' gradients while eager is enabled")
@pytest.mark.parametrize("case", LEGACY)
def test_the_gradients_are_those_of_the_legacy_override_map(mode, case):
    forward, arrays, mapping = LEGACY[case]
    outputs, gradients = first(mode, override_gradient(forward, mapping), *arrays)
    legacy_outputs, legacy = legacy_gradients(case)
    native = first(mode, forward, *arrays)[1]
    different = [n is None or not np.array_equal(n, g) for n, g in zip(native, gradients)]
    assert any(different), "the native gradient would have passed this test"
    if mode.is_graph:
        assert_same_bits(outputs, legacy_outputs)
        assert_same_bits(gradients, legacy)
    else:  # a function's graph is rewritten, which may move the last places
        for found, expected in zip(outputs + gradients, legacy_outputs + legacy):
            np.testing.assert_array_max_ulp(found, expected, maxulp=4)


# --- exact values, in every mode ---------------------------------------------------------------------------------


def half_mapped(x):
    return tf.nn.relu(x) * 2.0 + tf.abs(x) * 4.0


def ten_x(op, dy):
    return 10.0 * dy * op.inputs[0]


def test_ops_of_the_type_are_overridden_and_the_others_are_not(mode):
    f = override_gradient(half_mapped, {"Relu": ten_x})
    for _ in range(2):
        outputs, gradients = first(mode, f, X)
        assert_same_bits(outputs, [np.maximum(X, 0) * np.float32(2) + np.abs(X) * np.float32(4)])
        assert_same_bits(gradients, [2 * (2 * 10 * X + 4 * np.sign(X))])


def test_second_derivatives(mode):
    in_function = mode in (modes.EAGER, modes.TAPE_INSIDE)  # for the tape's sake
    if in_function and not (modes.HAS_FUNCTIONS and modes.functions_have_second_derivatives()):
        pytest.skip("this TensorFlow has no second derivatives through functions (to 1.14)")
    if mode is modes.TAPE_OUTSIDE and not hasattr(tf, "autodiff"):
        pytest.skip("functions in functions whose gradient reads outputs have no second derivatives in 1.15 and 2.0")
    f = override_gradient(lambda x: tf.nn.relu(x) * 2.0, {"Relu": lambda op, dy: dy * op.outputs[0] * 3.0})
    _, gradients, second = mode.first_and_second(f, X)
    y = np.maximum(X, 0)
    assert_same_bits(gradients, [4 * y * 3])
    # the output that the gradient reads is the overridden one
    assert_same_bits(second, [2 * 4 * 3 * (y * 3)])


def test_one_gradient_for_the_two_names_that_an_op_has_had(mode):
    double = override_gradient(lambda x, y: x + y, {"Add": "Sub", "AddV2": "Sub"})
    _, gradients = first(mode, double, X, X)
    assert_same_bits(gradients, [np.full_like(X, 2), np.full_like(X, -2)])


def test_registered_names_as_legacy_code_has_them(mode):
    if "TestOpLevelNegated" not in registered:
        registered.add("TestOpLevelNegated")
        modes.v1.RegisterGradient("TestOpLevelNegated")(lambda op, dy: -7.0 * dy)
    f = override_gradient(tf.nn.relu, {"Relu": "TestOpLevelNegated"})
    assert_same_bits(first(mode, f, X)[1], [np.full_like(X, -14)])


def test_op_is_the_operation_and_more(mode):
    seen = []

    def gradient(op, dy):
        seen.append((op.type, list(op.inputs), list(op.outputs), op.get_attr("T"), op.name, op.node_def.op, op.graph))
        assert op.inputs[0] is op.inputs[:1][0] and len(op.outputs) == 1
        with pytest.raises(ValueError):
            op.get_attr("no such attribute")
        return op.native_gradient(dy * 5.0)

    f = override_gradient(lambda x: tf.nn.relu(x, name="here"), {"Relu": gradient})
    _, gradients = first(mode, f, X)
    assert_same_bits(gradients, [10 * (X > 0).astype(np.float32)])
    kind, inputs, outputs, dtype, name, node_op, graph = seen[0]
    assert (kind, dtype, node_op) == ("Relu", tf.float32, "Relu") and "here" in name
    assert isinstance(graph, tf.Graph) and len(inputs) == len(outputs) == 1


def test_the_native_gradient_of_an_op_that_has_none_is_none(mode):
    seen = []

    def gradient(op, dy):
        seen.append((repr(op), op.native_gradient(dy)))
        return 10.0 * dy

    gen_array_ops = importlib.import_module("tensorflow.python.ops.gen_array_ops")
    # the op itself: of a shape that is known, tf.zeros_like makes a constant (1.3)
    zeros_like = getattr(gen_array_ops, "zeros_like", None) or gen_array_ops._zeros_like
    f = override_gradient(lambda x: 3.0 * x + zeros_like(x), {"ZerosLike": gradient})
    outputs, gradients = first(mode, f, X)
    assert_same_bits([outputs, gradients], [[3 * X], [np.full_like(X, 26)]])
    assert all("ZerosLike" in described and native == [None] for described, native in seen) and seen


def test_arguments_come_in_any_structure_and_plain_values_as_they_are(mode):
    def forward(pair, scale, mode="linear"):
        assert (mode, type(scale)) == ("double", float)
        return {"y": tf.nn.relu(pair["a"]) * scale, "none": None, "z": [pair["b"][0] * 1.0]}

    f = override_gradient(forward, {"Relu": ten_x})

    def call(a, b):
        result = f({"a": a, "b": (b, None)}, 0.5, mode="double")
        assert result["none"] is None
        return result["y"], result["z"][0]

    outputs, gradients = first(mode, call, X, X)
    assert_same_bits(outputs, [np.maximum(X, 0) / 2, X])
    assert_same_bits(gradients, [2 * X * 5, np.full_like(X, 3)])


def test_rows_of_the_result_may_be_gathered(mode):
    """Their gradient is IndexedSlices; 1.10 and 1.11 compute nonsense or crash where a function is given such."""
    f = override_gradient(lambda x: tf.nn.relu(x) * 1.0, {"Relu": lambda op, dy: 10.0 * dy})
    try:
        outputs, gradients = first(mode, lambda x: tf.gather(f(x), tf.constant([1, 1])), X)
    except (AttributeError, AssertionError, ValueError) as error:
        if "must be Tensors" not in str(error) and "IndexedSlices" not in str(error):
            raise
        pytest.skip("this TensorFlow's functions take no IndexedSlices as output gradients (1.14 to 2.1)")
    assert_same_bits(outputs, [np.maximum(X, 0)[[1, 1]]])
    assert_same_bits(gradients, [np.float32([[0, 0, 0], [40, 40, 40]])])


def test_plain_values_are_told_apart(mode):
    f = override_gradient(lambda x, s: tf.nn.relu(x) / s, {"Relu": ten_x})
    for value in (1.0, 1, 2.0, 0.0, -0.0, np.float32(4), np.array([1.0, 2.0, 4.0], np.float32)):
        outputs, _ = first(mode, lambda x: f(x, value), np.abs(X))  # noqa: B023
        with np.errstate(all="ignore"):
            assert_same_bits(outputs, [np.abs(X) / np.asarray(value, np.float32)])


def test_inside_another_override_and_around_one(mode):
    inner = override_gradient(tf.nn.relu, {"Relu": lambda op, dy: 7.0 * dy})
    f = override_gradient(lambda x: inner(x) + tf.nn.relu(x), {"Relu": lambda op, dy: 10.0 * dy})
    assert_same_bits(first(mode, f, X)[1], [np.full_like(X, 2 * 17)])
    whole = override_gradient(lambda x: x * 3.0, lambda op, dy: dy * 5.0)
    f = override_gradient(lambda x: whole(tf.nn.relu(x)), {"Relu": lambda op, dy: 10.0 * dy})
    assert_same_bits(first(mode, f, X)[1], [np.full_like(X, 2 * 50)])
    f = override_gradient(lambda x: inner(x), lambda op, dy: dy * 11.0)
    assert_same_bits(first(mode, f, X)[1], [np.full_like(X, 22)])


# --- loops, branches and functions inside forward ----------------------------------------------------------------


def in_cond(x):
    return tf.cond(tf.reduce_sum(tf.abs(x)) > 0.0, lambda: tf.nn.relu(x), lambda: x)


def in_while(x):
    return tf.while_loop(lambda i, y: i < 2, lambda i, y: (i + 1, tf.nn.relu(y)), [tf.constant(0), x])[1]


def in_map(x):
    return tf.map_fn(tf.nn.relu, x)


def in_cond_in_while(x):
    def body(i, y):
        return i + 1, tf.cond(i > 5, lambda: y, lambda: tf.nn.relu(y))

    return tf.while_loop(lambda i, y: i < 2, body, [tf.constant(0), x])[1]


@pytest.mark.parametrize("forward, power", [(in_cond, 1), (in_while, 2), (in_map, 1), (in_cond_in_while, 2)])
def test_the_bodies_of_loops_and_branches(mode, forward, power):
    if mode is modes.EAGER and not modes.HAS_FUNCTIONS:
        pytest.skip("functions had no gradients of loops and branches before tf.function")
    f = override_gradient(forward, {"Relu": lambda op, dy: 10.0 * dy})
    assert_same_bits(first(mode, f, X)[1], [np.full_like(X, 2 * 10**power)])


@modes.NEEDS_AUTOGRAPH
def test_autograph_reaches_forward(functions):
    def forward(x):
        if tf.reduce_sum(tf.abs(x)) > 0.0:
            y = tf.nn.relu(x)
        else:
            y = x
        return y

    f = override_gradient(forward, {"Relu": lambda op, dy: 10.0 * dy})
    assert_same_bits(first(modes.EAGER, f, X)[1], [np.full_like(X, 20)])
    assert_same_bits(first(modes.TAPE_OUTSIDE, f, X)[1], [np.full_like(X, 20)])


@pytest.mark.parametrize("traced_before", [True, False])
def test_a_nested_function_is_overridden_or_refused_and_never_changed_for_others(functions, traced_before):
    nested = tf.function(lambda x: tf.nn.relu(x) * 3.0, autograph=False)
    x = tf.constant(X)
    if traced_before:
        nested(x)
    f = override_gradient(lambda x: nested(x) * 1.0, {"Relu": lambda op, dy: 10.0 * dy}, name="outer")
    if private_traces._save_context is None:  # before 2.4
        with pytest.raises(ValueError, match="(?s)'outer': the Relu op .* is inside the function .*python_function"):
            first(modes.EAGER, f, X)
    else:
        for mode in (modes.EAGER, modes.TAPE_OUTSIDE, modes.TAPE_INSIDE, modes.GRADIENTS_INSIDE):
            assert_same_bits(first(mode, f, X)[1], [np.full_like(X, 60)], mode.name)
    assert_same_bits(first(modes.EAGER, nested, X)[1], [6 * (X > 0).astype(np.float32)])


def test_a_function_that_cannot_be_traced_again_is_refused(functions):
    nested = tf.function(lambda x: tf.nn.relu(x) * 3.0, autograph=False)
    concrete = nested.get_concrete_function(tf.TensorSpec([2, 3], tf.float32))
    f = override_gradient(lambda x: concrete(x), {"Relu": lambda op, dy: 10.0 * dy}, name="outer")
    with pytest.raises(ValueError, match="(?s)'outer': the Relu op .* is inside the function .*shared with other"):
        f(tf.constant(X))


def reversed_in_cond(x):
    return tf.cond(tf.reduce_sum(tf.abs(x)) > 0.0, lambda: tf.identity(x) * 2.0, lambda: x)


def reversed_in_while(x):
    return tf.while_loop(lambda i, y: i < 2, lambda i, y: (i + 1, tf.identity(y) * 2.0), [tf.constant(0), x])[1]


def reversed_behind_a_while(x):
    doubled = tf.while_loop(lambda i, y: i < 1, lambda i, y: (i + 1, y * 2.0), [tf.constant(0), x])[1]
    return tf.identity(doubled)


def reversed_behind_a_cond(x):
    return tf.identity(tf.cond(tf.reduce_sum(tf.abs(x)) > 0.0, lambda: x * 2.0, lambda: x))


def reversed_beside_an_override(x):
    whole = override_gradient(lambda y: y * 7.0, lambda op, dy: dy * 2.0)
    return tf.cond(tf.reduce_sum(tf.abs(x)) > 0.0, lambda: whole(tf.identity(x)), lambda: x)


@pytest.mark.parametrize(
    "forward, factor",
    [
        (reversed_in_cond, -20),
        (reversed_in_while, 400),
        (reversed_behind_a_while, -20),
        (reversed_behind_a_cond, -20),
        (reversed_beside_an_override, -20),
    ],
)
def test_the_identities_that_tensorflow_adds_to_branches_and_loops_keep_their_gradient(functions, forward, factor):
    f = override_gradient(forward, {"Identity": lambda op, dy: -10.0 * dy})
    for mode in (modes.EAGER, modes.TAPE_OUTSIDE, modes.TAPE_INSIDE, modes.GRADIENTS_INSIDE):
        assert_same_bits(first(mode, f, X)[1], [np.full_like(X, 2 * factor)], mode.name)


def test_the_identities_that_tensorflow_adds_to_functions_keep_their_gradient(functions):
    if private_traces._save_context is None:
        pytest.skip("before 2.4 ops in a function that forward calls are refused")
    nested = tf.function(lambda x: tf.identity(x) * 2.0, autograph=False)
    f = override_gradient(lambda x: nested(nested(x)), {"Identity": lambda op, dy: -10.0 * dy})
    for mode in (modes.EAGER, modes.TAPE_OUTSIDE, modes.TAPE_INSIDE, modes.GRADIENTS_INSIDE):
        assert_same_bits(first(mode, f, X)[1], [np.full_like(X, 2 * 400)], mode.name)


def test_of_the_identities_that_tensorflow_adds_none_is_an_op_of_forward(functions):
    if private_traces._save_context is None:
        pytest.skip("before 2.4 ops in a function that forward calls are refused")
    nested = tf.function(lambda x: x * 2.0, autograph=False)
    f = override_gradient(lambda x: nested(x), {"Identity": lambda op, dy: -10.0 * dy})
    with pytest.raises(ValueError, match="forward has no op of the type 'Identity'"):
        first(modes.EAGER, f, X)


def test_functions_that_the_user_has_run_eagerly(functions):
    if not hasattr(tf.config, "run_functions_eagerly"):
        pytest.skip("TensorFlow has tf.config.run_functions_eagerly from 2.3 on")
    f = override_gradient(half_mapped, {"Relu": ten_x})
    tf.config.run_functions_eagerly(True)
    try:
        found = first(modes.EAGER, f, X)[1]
    finally:
        tf.config.run_functions_eagerly(False)
    assert_same_bits(found, [2 * (2 * 10 * X + 4 * np.sign(X))])


# --- variables ---------------------------------------------------------------------------------------------------


def test_variables_keep_their_native_gradients(functions):
    w = tf.Variable(X, name="w")
    f = override_gradient(lambda x: tf.nn.relu(x * w), {"Relu": lambda op, dy: 10.0 * dy})
    for call in (f, tf.function(f)):
        x = tf.constant(2 * X)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = call(x)
        dx, dw = tape.gradient(y, [x, w])
        assert_same_bits([dx.numpy(), dw.numpy()], [10 * X, 20 * X])


def test_a_call_without_tensors_still_overrides_what_variables_flow_through(functions):
    w = tf.Variable(X)
    f = override_gradient(lambda: tf.nn.relu(w * 1.0), {"Relu": lambda op, dy: 10.0 * dy})
    with tf.GradientTape() as tape:
        y = f()
    assert_same_bits(tape.gradient(y, w).numpy(), np.full_like(X, 10))


def test_variables_that_the_first_call_creates(functions):
    class Model(tf.Module):
        w = None

        def __call__(self, x):
            if self.w is None:
                self.w = tf.Variable(tf.fill([3], 3.0))
            return tf.nn.relu(x * self.w)

    model = Model()
    f = override_gradient(model, {"Relu": lambda op, dy: 10.0 * dy})
    for x in (tf.constant(X), tf.constant(X[:1])):
        with tf.GradientTape() as tape:
            y = f(x)
        found = tape.gradient(y, model.w)
        assert_same_bits(found.numpy(), 10 * tf.reduce_sum(x, 0).numpy())


def test_variables_in_a_graph(graph):
    w = modes.v1.get_variable("w", initializer=X)
    y = override_gradient(lambda x: tf.nn.relu(x * w), {"Relu": lambda op, dy: 10.0 * dy})(tf.constant(2 * X))
    dw = tf.convert_to_tensor(modes.v1.gradients(y, w)[0])
    with modes.v1.Session() as session:
        session.run(modes.v1.global_variables_initializer())
        assert_same_bits(session.run(dw), 20 * X)


# --- traces, threads, leaks --------------------------------------------------------------------------------------


def test_a_signature_is_traced_once(eager):
    traces = []

    def forward(x, scale, name=None):
        traces.append(1)  # not scale: what keeps a tensor of the trace is not traced
        return tf.nn.relu(x) * scale

    f = override_gradient(forward, {"Relu": ten_x})

    def call(*args, **kwargs):
        del traces[:]
        found = first(modes.EAGER, lambda x: f(x, *args, **kwargs), X)[1]
        return len(traces), found

    assert call(0.5)[0] == 1
    assert call(0.5)[0] == 0
    assert call(2.0)[1][0].tobytes() == (2 * X * 10 * 2).tobytes()
    assert call(0.5)[0] == call(2.0)[0] == 0
    assert call(0.5, name="other")[0] == 1
    assert call(tf.constant(3.0))[0] == 1
    assert call(tf.constant(4.0))[0] == 0
    assert call([0.5][0], name="other")[0] == 0


def test_many_plain_values_are_warned_of_and_not_kept(eager, monkeypatch):
    monkeypatch.setattr(traced, "MOST", 8)
    f = override_gradient(lambda x, s: tf.nn.relu(x) * s, {"Relu": ten_x}, name="scaled")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for step in range(20):
            first(modes.EAGER, lambda x: f(x, step / 8.0), X)  # noqa: B023
    mine = [str(warning.message) for warning in caught if "'scaled'" in str(warning.message)]
    assert len(mine) == 1 and "pass tf.constant(value)" in mine[0]
    assert len(f._functions._functions) == 8


def test_another_thread_building_in_the_same_graph_is_not_overridden(graph):
    inside, done = threading.Event(), threading.Event()
    found = []

    def forward(x):
        y = tf.nn.relu(x)
        inside.set()
        assert done.wait(10)
        return y + tf.nn.relu(x)

    def stranger():
        with graph.as_default():
            inside.wait(10)
            found.append(tf.nn.relu(x))
        done.set()

    x = tf.constant(X)
    thread = threading.Thread(target=stranger)
    thread.start()
    y = override_gradient(forward, {"Relu": lambda op, dy: 10.0 * dy})(x)
    thread.join()
    with modes.v1.Session() as session:
        mine, others = session.run([modes.v1.gradients(y, x)[0], modes.v1.gradients(found[0], x)[0]])
    assert_same_bits(mine, np.full_like(X, 20))
    assert_same_bits(others, (X > 0).astype(np.float32))


def test_graphs_and_registered_names_go_with_the_override(mode):
    graphs = []

    def once():
        def forward(x):
            graphs.append(weakref.ref(modes.v1.get_default_graph()))
            return tf.nn.relu(x) * 2.0

        local = override_gradient(forward, {"Relu": lambda op, dy: dy * 10.0})
        if not mode.is_graph:
            return first(mode, local, X)
        with tf.Graph().as_default():
            return first(mode, local, X)

    once()
    gc.collect()
    before = set(_registry().list())
    del graphs[:]
    for _ in range(4):
        once()
    gc.collect()
    own = modes.HAS_EAGER and modes.v1.get_default_graph()
    assert len(graphs) >= 4
    # TensorFlow itself keeps the traces of contrib.eager.defun (to 1.13), of functions under a tape (1.14), and of
    # functions in functions (to 2.0)
    if mode is modes.EAGER and modes.HAS_FUNCTIONS and not modes.functions_with_a_tape_outside_are_collected():
        return
    if mode.is_graph or hasattr(tf, "autodiff") or (modes.HAS_FUNCTIONS and not _is_called_in_a_function(mode)):
        assert not [ref() for ref in graphs if ref() is not None and ref() is not own]
        assert set(_registry().list()) == before


def test_an_instance_does_not_live_on_in_the_traces_of_its_methods(eager):
    if modes.HAS_FUNCTIONS and not modes.functions_with_a_tape_outside_are_collected():
        pytest.skip("this TensorFlow itself keeps a tf.function's graph that a tape has seen (1.14)")

    class Model:
        factor = 3.0

        @override_gradient(backward={"Relu": ten_x})
        def call(self, x):
            return tf.nn.relu(x) * self.factor

    models = [Model(), Model()]
    models[1].factor = 5.0
    for model in models:
        found = first(modes.EAGER, model.call, X)
        assert_same_bits(found, [[np.maximum(X, 0) * model.factor], [2 * model.factor * 10 * X]])
    remembered = [weakref.ref(model) for model in models]
    del models, model
    gc.collect()
    assert [reference() for reference in remembered] == [None, None]


def test_a_graph_keeps_the_gradients_of_an_override_that_is_gone(graph):
    x = tf.constant(X)
    y = override_gradient(tf.nn.relu, {"Relu": lambda op, dy: dy * 10.0})(x)
    gc.collect()
    (dx,) = modes.v1.gradients(y, x)
    with modes.v1.Session() as session:
        assert_same_bits(session.run(dx), np.full_like(X, 10))


# --- transformations ---------------------------------------------------------------------------------------------

overridden = override_gradient(half_mapped, {"Relu": ten_x})


def slope(x):
    return 2 * 10 * x + 4 * np.sign(x)


def test_vectorized_map_with_the_tape_inside_and_outside(functions):
    if not hasattr(tf, "vectorized_map"):
        pytest.skip("this TensorFlow has no vectorized_map")
    if not modes.functions_can_be_vectorized():
        pytest.skip("this TensorFlow vectorizes no functions, which op-level overrides are in (1.14)")
    x = tf.constant(X)

    def row(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = overridden(x)
        return tape.gradient(y, x)

    assert_same_bits(tf.vectorized_map(row, x).numpy(), slope(X))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.vectorized_map(overridden, x)
    assert_same_bits(tape.gradient(y, x).numpy(), slope(X))


def test_jacobians(functions):
    x = tf.constant(X[0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = overridden(x)
    if not hasattr(tape, "jacobian"):
        pytest.skip("this TensorFlow's tapes have no jacobian")
    if not modes.functions_can_be_vectorized():
        pytest.skip("this TensorFlow vectorizes no functions, which op-level overrides are in (1.14)")
    np.testing.assert_array_equal(tape.jacobian(y, x).numpy(), np.diag(slope(X[0])))


def test_forward_mode(functions):
    if not hasattr(tf, "autodiff"):
        pytest.skip("this TensorFlow has no ForwardAccumulator")
    x, tangent = tf.constant(X), np.full_like(X, 0.5)
    for call in (overridden, tf.function(overridden)):
        with tf.autodiff.ForwardAccumulator(x, tf.constant(tangent)) as accumulator:
            y = call(x)
        assert_same_bits(accumulator.jvp(y).numpy(), slope(X) * tangent)


def test_a_tape_in_a_plain_graph(graph):
    if not hasattr(tf, "GradientTape"):
        pytest.skip("this TensorFlow has no tf.GradientTape")
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = overridden(x)
    with modes.v1.Session() as session:
        assert_same_bits(session.run(tape.gradient(y, [x])[0]), slope(X))


def test_functions_that_do_not_nest_are_not_needed(eager):
    """Up to 1.13 the gradient of a function in a function is lost; inside one, an override is none."""
    inner = override_gradient(tf.nn.relu, {"Relu": ten_x}, name="inner")
    f = override_gradient(lambda x: inner(x) + tf.nn.relu(x), {"Relu": ten_x})
    assert_same_bits(first(modes.EAGER, f, X)[1], [2 * (10 * X + 10 * X)])


# --- errors ------------------------------------------------------------------------------------------------------

BAD_MAPPINGS = {
    "empty": ({}, ValueError, "'forward': backward is an empty dict"),
    "a key that is no text": ({tf.nn.relu: ten_x}, TypeError, "'forward': the keys of backward are op types"),
    "a value that is no gradient": (
        {"Relu": 3},
        TypeError,
        r"'forward': backward\['Relu'\] must be a function .*3 \(int\)",
    ),
}


def forward(x):
    return tf.nn.relu(x) + 1.0


@pytest.mark.parametrize("case", BAD_MAPPINGS)
def test_a_mapping_is_refused(case):
    mapping, exception, words = BAD_MAPPINGS[case]
    with pytest.raises(exception, match=words):
        override_gradient(forward, mapping)


@pytest.mark.parametrize("strategy", ["tape", "custom_gradient", "stop_gradient"])
def test_strategies_that_cannot_express_it_are_refused(strategy):
    with pytest.raises(ValueError, match="'forward': strategy '{}' cannot express".format(strategy)):
        override_gradient(forward, {"Relu": ten_x}, strategy=strategy)
    # the one that can is the one that auto takes
    assert override_gradient(forward, {"Relu": ten_x}, strategy="gradient_override_map").__name__ == "forward"


NEAR = {"ReLU": "Relu", "relu": "Relu", "Relu6": "Relu", "MaxPooling": None, "Mutmal": None}


@pytest.mark.parametrize("op_type", NEAR)
def test_an_op_type_that_occurs_nowhere_is_refused_with_those_that_do(mode, op_type):
    f = override_gradient(forward, {op_type: ten_x})
    with pytest.raises(ValueError) as caught:
        mode.run(lambda differentiate, x: [f(x)], X)
    words = ["'forward': forward has no op of the type {!r}".format(op_type), "The op types in it are:", "Relu"]
    words += ["did you mean {!r}?".format(NEAR[op_type])] if NEAR[op_type] else []
    for word in words:
        assert word in str(caught.value)


def test_an_unregistered_name_is_refused(mode):
    f = override_gradient(forward, {"Relu": "NotRegisteredAnywhere"})
    with pytest.raises(ValueError, match="'forward': no gradient is registered as 'NotRegisteredAnywhere'"):
        mode.run(lambda differentiate, x: [f(x)], X)


BAD_GRADIENTS = {
    "too many": (lambda op, dy: [dy, dy], ["backward returned 2 gradients", "1 tensor", "inputs[0] of the Relu op"]),
    "another shape": (lambda op, dy: dy[0], ["shape (3,)", "inputs[0] of the Relu op", "(2, 3)"]),
    "another dtype": (lambda op, dy: tf.cast(dy, tf.float64), ["float64", "inputs[0] of the Relu op", "float32"]),
    "no tensor": (lambda op, dy: "dy", ["'dy' (str)", "inputs[0] of the Relu op"]),
}


@pytest.mark.parametrize("case", BAD_GRADIENTS)
def test_a_gradient_that_returns(mode, case):
    gradient, words = BAD_GRADIENTS[case]
    with pytest.raises(ValueError) as caught:
        first(mode, override_gradient(forward, {"Relu": gradient}), X)
    for word in ["override_gradient 'forward'"] + words:
        assert word in str(caught.value)


def test_overrides_of_one_name_hold_in_the_loops_of_one_graph(graph):
    def in_loop(x):
        return tf.while_loop(lambda n, y: n < 1, lambda n, y: [n + 1, tf.square(x)], [tf.constant(0), 0.0 * x])[1]

    five = override_gradient(in_loop, {"Square": lambda op, dy: 5.0 * dy}, name="one name")
    seven = override_gradient(in_loop, {"Square": lambda op, dy: 7.0 * dy}, name="one name")
    x = tf.constant(2.0)
    gradients = [modes.v1.gradients(f(x), x)[0] for f in (five, seven)]
    with modes.v1.Session() as session:
        assert session.run(gradients) == [5.0, 7.0]


def test_the_innermost_of_two_holds_for_an_op_of_two_inputs(mode):
    if mode not in (modes.GRAPH, modes.EAGER) and not modes.HAS_FUNCTIONS:
        pytest.skip("before 1.14 an op-level override cannot be called inside another traced function")
    inner = override_gradient(lambda x: tf.multiply(x, x + 1.0), {"Mul": lambda op, dy: (7.0 * dy, None)})
    f = override_gradient(lambda x: tf.multiply(inner(x), 3.0), {"Mul": lambda op, dy: (10.0 * dy, None)})
    assert_same_bits(first(mode, f, X), [[3.0 * (X * (X + 1.0))], [np.full_like(X, 140.0)]])


def test_before_1_14_ops_on_variables_are_refused_in_functions(eager):
    if modes.HAS_FUNCTIONS or not hasattr(tf.contrib.eager, "defun"):
        pytest.skip("from 1.14 on they hold there, and before 1.9 the public API has no functions")
    v = modes.variable(3.0)
    f = override_gradient(lambda x: x * v, {"ReadVariableOp": lambda op, dy: 10.0 * dy}, name="net")
    with pytest.raises(ValueError, match="'net': called inside a function or under a tape in a graph"):
        modes.by_tape(tf.contrib.eager.defun(lambda x: f(x)), [tf.constant(X)])
