"""`honor_override_maps`: the maps that legacy code enters hold, in every mode, as they did in a graph."""

import collections
import gc
import importlib
import importlib.util
import pickle
import re
import threading

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import _tf, honor_override_maps, override_gradient
from compat_grad.legacy.honor import honoring_in_all_threads
from tests import modes
from tests.legacy.gradients import v1
from tests.modes import assert_same_bits

NEEDS_FUNCTIONS = pytest.mark.skipif(
    not modes.HAS_FUNCTIONS, reason="this TensorFlow process has no tf.function in eager mode"
)


def op_by_op(mode=modes.EAGER):
    """Skip a test of eager mode where what enters a map is traced, for nobody is told of ops."""
    if mode is modes.EAGER and not _tf.tells_of_executed_ops:
        pytest.skip("eager mode before 1.7 tells nobody of its ops, and its functions take no loops and no outer map")


HAS_PRIVATE_TRACES = importlib.util.find_spec("tensorflow.python.saved_model.save_context") is not None  # 2.4


def mapped(names):
    return v1.get_default_graph().gradient_override_map(names)


def gradient(mode, f, x, order=1):
    """Return the gradient of f at x by honor_override_maps in a mode."""

    def program(differentiate, x):
        return differentiate(honor_override_maps(f), [x])

    return mode.run(program, np.float32(x))[1][0]


def relu(x):
    with mapped({"Relu": "LegacyTimes100"}):
        return tf.nn.relu(x)


def test_a_map_holds(mode):
    assert gradient(mode, relu, -2.0) == 100.0


class Holder:
    by_static = honor_override_maps(staticmethod(relu))
    by_class = honor_override_maps(classmethod(lambda cls, x: relu(x) if cls is Holder else x))


def test_it_stands_above_other_decorators(mode):
    assert [type(vars(Holder)[name]) for name in ("by_static", "by_class")] == [staticmethod, classmethod]
    assert gradient(mode, Holder.by_static, -2.0) == gradient(mode, Holder().by_class, -2.0) == 100.0


honored_relu = honor_override_maps(relu)


def test_it_is_pickled_by_what_it_was_made_of(mode):
    again = pickle.loads(pickle.dumps(honored_relu))
    assert gradient(mode, again, -2.0) == 100.0
    assert re.match("<<function .*relu at .*> with its override maps honored>", repr(again))


def test_a_map_ends_where_it_ends(mode):
    assert gradient(mode, lambda x: relu(x) + tf.nn.relu(3.0 * x), 2.0) == 103.0


def test_the_innermost_map_holds(mode):
    def f(x):
        with mapped({"Relu": "LegacyTimes7", "Floor": "LegacyTimes7"}):
            return tf.floor(x) * relu(tf.stop_gradient(x)) + tf.stop_gradient(tf.floor(x)) * relu(x)

    assert gradient(mode, f, 2.0) == 7.0 * 2.0 + 2.0 * 100.0


def test_names_that_are_registered_later(mode):
    name = "LegacyRegisteredLater_{}".format(mode.name)

    def program(differentiate, x):
        @honor_override_maps
        def f(x):
            with mapped({"Relu": name}):
                y = tf.nn.relu(x)
            v1.RegisterGradient(name)(lambda op, dy: 11.0 * dy)
            return y

        return differentiate(f, [x])

    assert mode.run(program, np.float32(2.0))[1] == [11.0]


RENAMED = {  # mapped type -> (how it is computed, by how much the gradient written for the old op multiplies)
    "Add": (lambda x: x + 1.0, 100.0),
    "BatchMatMul": (lambda x: tf.matmul(x[None], tf.ones([1, 2, 2])), 100.0),
    "FusedBatchNorm": (lambda x: v1.nn.fused_batch_norm(tf.reshape(x, [1, 2, 2, 1]), [1.0], [0.0])[0], 3.0),
    "Gather": (lambda x: tf.gather(x, [0, 1]), 5.0),
    "Select": (lambda x: tf.where(x > -9.0, x, x), 6.0),
}


@pytest.mark.parametrize("op_type", sorted(RENAMED))
def test_a_map_on_what_was_renamed_is_for_what_took_its_place(mode, op_type):
    compute, factor = RENAMED[op_type]

    def f(x):
        with mapped({op_type: "LegacyOf" + op_type}):
            return tf.reshape(compute(x), [4])

    found = gradient(mode, f, [[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(found, np.full([2, 2], factor, np.float32))


@pytest.mark.parametrize("name", ["Sign", "Mul"])
def test_the_gradient_of_another_op(mode, name):
    def f(x):
        with mapped({"Sign": "Identity", "Mul": "Add"}):
            return tf.sign(x) if name == "Sign" else x * tf.stop_gradient(x)

    assert gradient(mode, f, 3.0) == 1.0


def test_loops_and_branches(mode):
    op_by_op(mode)

    def f(x):
        with mapped({"Relu": "LegacyTimes100"}):
            y = v1.cond(tf.reduce_sum(x) > 0.0, lambda: tf.nn.relu(x), lambda: x)
            return v1.while_loop(lambda i, y: i < 2, lambda i, y: (i + 1, tf.nn.relu(y)), [0, y])[1]

    assert gradient(mode, f, 2.0) == 1e6


def test_a_map_around_the_call(mode):
    op_by_op(mode)
    honored = honor_override_maps(lambda x: tf.nn.relu(x))

    def program(differentiate, x):
        with mapped({"Relu": "LegacyTimes100"}):
            return differentiate(honored, [x])

    assert mode.run(program, np.float32(2.0))[1] == [100.0]


def test_a_map_around_the_call_where_all_maps_hold(mode):
    """As in a program under `run --honor` that decorates its functions, too."""
    op_by_op(mode)
    honored = honor_override_maps(lambda x: tf.nn.relu(x))

    def f(x):
        with mapped({"Relu": "LegacyTimes100"}):
            return honored(x)

    with honoring_in_all_threads():
        assert mode.run(lambda differentiate, x: differentiate(f, [x]), np.float32(2.0))[1] == [100.0]


@NEEDS_FUNCTIONS
def test_a_function_that_is_gone_when_its_map_ends_is_overridden_or_refused():
    def f(x):
        with mapped({"Relu": "LegacyTimes100"}):
            return tf.function(lambda x: tf.nn.relu(x) * 1.0)(x)

    with honoring_in_all_threads():
        try:
            _, (gradient,) = modes.by_tape(f, [tf.constant(2.0)])
        except ValueError as error:
            assert not HAS_PRIVATE_TRACES and "the map may not hold in it" in str(error)
        else:
            assert float(gradient) == 100.0


def test_a_map_of_another_graph_than_the_one_at_hand(mode):
    """As ``g = tf.get_default_graph()`` at the top of a module, or ``K.get_session().graph``, once gave."""
    if mode.is_graph:
        pytest.skip("in a graph, the map of another one has never held")
    g = tf.Graph()

    def f(x):
        with g.gradient_override_map({"Relu": "LegacyTimes100"}):
            return tf.nn.relu(x)

    assert gradient(mode, f, 2.0) == 100.0


def test_a_python_function(mode):
    def f(x):
        with mapped({"PyFunc": "LegacyTimes100"}):
            y = v1.py_func(lambda x: x * x, [x], tf.float32)
        y.set_shape([])
        return y

    assert gradient(mode, f, 3.0) == 100.0


def test_a_python_function_that_returns_nothing(mode):
    seen = []

    def f(x):
        with mapped({"PyFunc": "LegacyTimes100"}):
            v1.py_func(lambda x: seen.append(float(x)), [x], [])
            y = v1.py_func(lambda x: x * x, [x], tf.float32)
        y.set_shape([])
        return y

    assert gradient(mode, f, 3.0) == 100.0
    assert seen == ([] if mode.is_graph else [3.0])


def test_python_functions_of_a_graph_and_of_another_thread_meanwhile(eager):
    if not _tf.tells_of_python_functions:
        pytest.skip("this TensorFlow tells nobody of tf.py_func in eager mode (to 1.13)")
    found = []

    def square(x):
        return v1.py_func(lambda x: x * x, [x], tf.float32)

    def f(x):
        with mapped({"PyFunc": "LegacyTimes100"}):
            other = threading.Thread(target=lambda: found.append(square(tf.constant(5.0)).numpy()))
            other.start()
            other.join()
            with tf.Graph().as_default(), v1.Session() as session:
                found.append(session.run(square(tf.constant(6.0))))
            return square(x)

    assert gradient(modes.EAGER, f, 2.0) == 100.0
    assert found == [25.0, 36.0]


def test_what_autograph_was_asked_to_rewrite(mode):
    if not hasattr(tf, "autograph"):
        pytest.skip("this TensorFlow has no tf.autograph (to 1.10)")

    def f(x):
        if x > 0.0:
            with v1.get_default_graph().gradient_override_map({"Relu": "LegacyTimes100"}):
                y = tf.nn.relu(x) * 3.0
        else:
            y = x
        return y

    assert gradient(mode, tf.autograph.to_graph(f), 2.0) == 300.0


def test_a_training_step_with_a_tape_inside(eager):
    v = modes.variable(2.0)

    @honor_override_maps
    def step(x):
        with modes._gradient_tape()() as tape:
            loss = relu(x * v)
        gradients = tape.gradient(loss, [v])
        v.assign_sub(0.01 * gradients[0])
        return gradients[0]

    assert float(step(tf.constant(2.0))) == 200.0
    assert float(v.numpy()) == 0.0
    if modes.HAS_FUNCTIONS:
        v.assign(2.0)
        assert float(tf.function(step)(tf.constant(2.0))) == 200.0
        assert float(v.numpy()) == 0.0


@NEEDS_FUNCTIONS
def test_a_function_that_was_traced_before(functions):
    plain = tf.function(relu, autograph=False)

    @tf.function(autograph=False)
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = relu(x)
        return tape.gradient(y, x)

    @tf.function(autograph=False)
    def caller(x):
        return step(x) * 2.0

    assert float(step(tf.constant(2.0))) == 1.0  # what TensorFlow makes of the map
    assert float(caller(tf.constant(2.0))) == 2.0
    assert float(honor_override_maps(step)(tf.constant(2.0))) == 100.0
    for _ in range(2):
        assert float(honor_override_maps(lambda x: step(x))(tf.constant(2.0))) == 100.0
        assert float(honor_override_maps(lambda x: caller(x))(tf.constant(2.0))) == 200.0
        assert float(step(tf.constant(2.0))) == 1.0
        assert float(caller(tf.constant(2.0))) == 2.0
        # As converted by AutoGraph, in another function.
        converted = tf.function(honor_override_maps(lambda x: caller(x) if x > 0.0 else x))
        assert float(converted(tf.constant(2.0))) == 200.0
        assert float(honor_override_maps(lambda x: step.get_concrete_function(x)(x))(tf.constant(2.0))) == 100.0
    assert modes.EAGER.run(lambda d, x: d(honor_override_maps(plain), [x]), np.float32(2.0))[1] == [100.0]


@NEEDS_FUNCTIONS
def test_methods_with_options_and_variables_that_were_traced_before(functions):
    class Model:
        def __init__(self):
            self.w, self.made = None, 0

        @tf.function(input_signature=[tf.TensorSpec([], tf.float32)], autograph=False)
        def step(self, x):
            self.made += 1
            if self.w is None:
                self.w = tf.Variable(3.0)
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = self.w * relu(x)
            return tape.gradient(y, x)

    one, two = Model(), Model()
    assert float(one.step(tf.constant(2.0))) == 3.0
    for model in (one, two, one):  # two makes its variable in honored code
        assert float(honor_override_maps(lambda x, model=model: model.step(x))(tf.constant(2.0))) == 300.0
        made = model.made
        assert float(honor_override_maps(lambda x, model=model: model.step(x))(tf.constant(4.0))) == 300.0
        assert model.made == made
        assert float(model.step(tf.constant(2.0))) == 3.0


@NEEDS_FUNCTIONS
def test_what_needs_a_graph_gets_one_in_eager_mode():
    calls = []

    @honor_override_maps
    def f(x):
        calls.append(tf.executing_eagerly())
        return v1.gradients(relu(x), x)[0] * relu(x)

    for _ in range(2):
        found = modes.EAGER.run(lambda differentiate, x: differentiate(f, [x]), np.float32(2.0))
        assert found == [200.0, [1e4]]
    assert calls == [True, False]


@NEEDS_FUNCTIONS
def test_the_first_try_leaves_no_names_behind():
    @honor_override_maps
    def f(x):
        v1.RegisterGradient("LegacyOfOneTry")(lambda op, dy: 3.0 * dy)
        with mapped({"Relu": "LegacyOfOneTry"}):
            return v1.gradients(tf.nn.relu(x), x)[0]

    assert float(f(tf.constant(2.0))) == 3.0


@NEEDS_FUNCTIONS
def test_nor_a_name_that_it_gives_the_registry_itself():
    registry = importlib.import_module("tensorflow.python.framework.ops")
    registry = getattr(registry, "gradient_registry", None) or registry._gradient_registry

    @honor_override_maps
    def f(x):
        registry.register(lambda op, dy: 3.0 * dy, "LegacyGivenToTheRegistry")
        with mapped({"Relu": "LegacyGivenToTheRegistry"}):
            return v1.gradients(tf.nn.relu(x), x)[0]

    assert float(f(tf.constant(2.0))) == 3.0


def _tenfold(op, dy):
    return 10.0 * dy


@NEEDS_FUNCTIONS
@pytest.mark.parametrize("backward", [_tenfold, {"Relu": _tenfold}], ids=["whole", "ops"])
def test_the_first_try_keeps_the_gradients_of_functions_that_it_traces(backward):
    """To 2.0 TensorFlow registers one for each function that another one calls, and keeps its name."""
    tenfold = override_gradient(tf.nn.relu, backward)
    inner = tf.function(lambda x: 2.0 * tenfold(x))
    outer = tf.function(lambda x: 2.0 * inner(x))
    traced = []

    @honor_override_maps
    def f(x):
        if not traced:
            traced.append(outer.get_concrete_function(tf.TensorSpec([], tf.float32)))
        traced[0](x)
        return v1.gradients(relu(x), x)[0]

    assert float(f(tf.constant(2.0))) == 100.0
    _, (gradient,) = modes.by_tape(lambda x: modes.flat(traced[0](x))[0], [tf.constant(2.0)])
    assert float(gradient) == 40.0


def test_methods_and_classes_keep_their_names():
    class Net:
        factor = 2.0

        @honor_override_maps
        def __call__(self, x):
            """Doc."""
            return self.factor * x

    assert Net()(3.0) == 6.0
    assert (Net.__call__.__name__, Net.__call__.__doc__) == ("__call__", "Doc.")
    assert honor_override_maps(Net().__call__)(3.0) == 6.0


def test_what_tells_no_signature():
    honored = honor_override_maps(max)
    assert honored(2.0, 3.0) == 3.0
    assert honored.__name__ == "max"


def test_what_another_thread_does_meanwhile_is_left_to_tensorflow():
    from tensorflow.python.framework.function import Defun

    found, expected = {}, {"graph": 7.0} if modes.HAS_GRAPHS else {}
    if modes.HAS_EAGER:
        expected["eager"] = 1.0

    def in_another_thread():
        if modes.HAS_GRAPHS:
            with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
                x = tf.constant(2.0)
                defun = Defun(tf.float32, func_name="OfAThread", python_grad_func=lambda op, dy: 7.0 * dy)
                found["graph"] = session.run(v1.gradients(defun(lambda x: 1.0 * x)(x), x)[0])
        if modes.HAS_EAGER:
            _, (in_eager_mode,) = modes.by_tape(relu, [tf.constant(2.0)])
            found["eager"] = float(in_eager_mode)

    @honor_override_maps
    def f(x):
        other = threading.Thread(target=in_another_thread)
        other.start()
        other.join()
        return relu(x)

    mode = modes.EAGER if modes.HAS_EAGER and _tf.tells_of_executed_ops else modes.GRAPH
    if mode.lacks is not None:
        pytest.skip("maps hold neither in eager mode nor in plain graphs beside it (1.5, 1.6)")
    assert gradient(mode, f, -2.0) == 100.0
    assert found == expected


def test_what_is_done_later_is_refused():
    def generator():
        yield 1

    for wrong in (generator, 3, None):
        with pytest.raises(TypeError, match="honor_override_maps: expected a function"):
            honor_override_maps(wrong)


def test_what_another_thread_registers_while_code_is_tried_eagerly_stays_registered(eager):
    tries = []

    def register():
        v1.RegisterGradient("LegacyOfAThread")(lambda op, dy: 3.0 * dy)

    @honor_override_maps
    def f(x):
        if not tries:  # the first, which fails eagerly
            other = threading.Thread(target=register)
            other.start()
            other.join()
        tries.append(None)
        v1.RegisterGradient("LegacyOfATry")(lambda op, dy: 7.0 * dy)
        with mapped({"Relu": "LegacyOfATry"}):
            return v1.gradients(tf.nn.relu(x), x)[0]

    assert modes.to_arrays(f(tf.constant(2.0))) == 7.0
    assert _tf.registered_gradient("LegacyOfAThread")(None, 1.0) == 3.0
    _tf.unregister_gradient("LegacyOfATry")
    _tf.unregister_gradient("LegacyOfAThread")


def test_maps_are_remembered_up_to_a_number(mode, monkeypatch):
    from compat_grad.legacy import rules

    op_by_op(mode)
    monkeypatch.setattr(rules, "MOST", 2)
    monkeypatch.setattr(rules, "_remembered", collections.OrderedDict())

    def f(x):
        for op_type, name in [("Relu", "LegacyTimes100"), ("Relu", "LegacyTimes7"), ("Floor", "LegacyTimes7")] * 2:
            with mapped({op_type: name}):
                x = tf.floor(x) if op_type == "Floor" else tf.nn.relu(x)
        return x

    assert gradient(mode, f, 2.0) == (100.0 * 7.0 * 7.0) ** 2
    assert len(rules._remembered) == 2


def test_a_name_that_is_registered_nowhere_is_told_with_its_map(mode):
    def f(x):
        with mapped({"Relu": "LegacyNowhere"}):
            return tf.nn.relu(x)

    with pytest.raises(LookupError, match="LegacyNowhere|No gradient defined"):
        gradient(mode, f, 2.0)


def test_a_program_that_registers_a_name_for_each_call_is_warned_once(eager, monkeypatch):
    op_by_op()
    from compat_grad.legacy import growth

    monkeypatch.setattr(growth, "_seen", {})
    monkeypatch.setattr(growth, "WARN_AT", 5)
    gc.collect()  # our own names that go meanwhile would put the look at the registry off

    @honor_override_maps
    def f(x):
        name = "LegacyPerCall{}".format(np.random.randint(10**12))
        v1.RegisterGradient(name)(lambda op, dy: 3.0 * dy)
        with mapped({"Relu": name}):
            return tf.nn.relu(x)

    with pytest.warns(UserWarning, match="registry of gradients has grown by 5 names") as warned:
        for _ in range(20):
            assert modes.EAGER.run(lambda d, x: d(f, [x]), np.float32(2.0))[1] == [3.0]
    assert len(warned) == 1
    assert warned[0].filename == __file__


@NEEDS_FUNCTIONS
def test_a_function_whose_trace_is_not_to_be_had_is_refused_by_the_map():
    concrete = tf.function(lambda x: tf.nn.relu(x)).get_concrete_function(tf.TensorSpec([], tf.float32))

    @honor_override_maps
    def f(x):
        with mapped({"Relu": "LegacyTimes100"}):
            return concrete(x)

    with pytest.raises(
        ValueError, match=r"gradient_override_map\({'Relu': 'LegacyTimes100'}\) of .*test_honor.py:\d+: "
    ):
        modes.EAGER.run(lambda differentiate, x: differentiate(f, [x]), np.float32(2.0))


def test_the_functions_of_a_dataset_are_not_in_its_way(mode):
    def f(x):
        with mapped({"Relu": "LegacyTimes100"}):
            tf.data.Dataset.from_tensors(1.0).map(tf.nn.relu)
            return tf.nn.relu(x)

    if not hasattr(tf, "data"):
        pytest.skip("this TensorFlow has no tf.data (to 1.3)")
    assert gradient(mode, f, 2.0) == 100.0


def test_a_python_function_of_tensors(mode):
    def f(x):
        with mapped({"EagerPyFunc": "LegacyTimes100"}):
            y = tf.py_function(lambda x: x * x, [x], tf.float32)
        y.set_shape([])
        return y

    if not hasattr(tf, "py_function"):
        pytest.skip("this TensorFlow has no tf.py_function (to 1.12)")
    assert gradient(mode, f, 3.0) == 100.0


def test_an_op_that_eager_mode_leaves_out_is_traced_or_told(eager, monkeypatch):
    """As tf.identity on 2.0."""

    @honor_override_maps
    def f(x):
        with mapped({"Identity": "LegacyTimes100"}):
            return tf.identity(x)

    if modes.HAS_FUNCTIONS:
        assert modes.EAGER.run(lambda differentiate, x: differentiate(f, [x]), np.float32(2.0))[1] == [100.0]
    monkeypatch.setattr(_tf, "identity_is_executed", lambda: False)
    with honoring_in_all_threads(), pytest.raises(RuntimeError, match="'Identity'.* cannot hold in eager mode"):
        mapped({"Identity": "LegacyTimes100"}).__enter__()


# --- what TensorFlow does with a function ------------------------------------------------------------------------


@v1.RegisterGradient("LegacyTenXSquared")
def _ten_x_squared(op, dy):
    return dy * 10.0 * op.inputs[0] * op.inputs[0]


def _relu_with_ten_x_squared(x):
    with mapped({"Relu": "LegacyTenXSquared"}):
        return tf.nn.relu(x) * 3.0


def _gradient(f, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    return tape.gradient(y, x)


def _forward_mode(f, x):
    with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
        y = f(x)
    return accumulator.jvp(y)


@pytest.mark.parametrize(
    ("transform", "needs"),
    [
        (_forward_mode, "autodiff"),
        (lambda f, x: tf.vectorized_map(lambda row: _gradient(f, row), x), "vectorized_map"),
        (lambda f, x: _gradient(lambda x: tf.vectorized_map(f, x), x), "vectorized_map"),
        (lambda f, x: _gradient(lambda x: tf.map_fn(f, x), x), "map_fn"),
    ],
    ids=["forward mode", "vectorized_map, tape inside", "vectorized_map, tape outside", "map_fn"],
)
def test_transformations_of_what_is_honored(functions, transform, needs):
    if not hasattr(tf, needs):
        pytest.skip("this TensorFlow has no tf." + needs)
    honored = honor_override_maps(_relu_with_ten_x_squared)
    x = tf.constant([[1.0, 2.0]])
    if transform is _forward_mode and not HAS_PRIVATE_TRACES:
        try:
            transform(honored, x)
        except ValueError as refused:  # 2.1, which calls the gradient in a function of its own
            assert re.search("gradient_override_map.*is called under it", str(refused))
            return
    inside = tf.function(lambda x: tf.convert_to_tensor(transform(honored, x)))
    calls = [honored, tf.function(honored), honored]
    if needs == "vectorized_map" and not modes.functions_can_be_vectorized():  # 1.14
        calls = [honored, honored]
    for found in [transform(each, x) for each in calls] + [inside(x)]:
        assert_same_bits(tf.convert_to_tensor(found).numpy(), np.array([[30.0, 120.0]], np.float32))


def test_second_derivatives_of_what_is_honored(mode):
    if mode is modes.TAPE_OUTSIDE and not modes.HAS_FUNCTIONS:
        pytest.skip("functions before tf.function have no second derivatives")
    if mode.lacks_second is not None:
        pytest.skip(mode.lacks_second)
    if mode is modes.EAGER and not hasattr(tf, "executing_eagerly"):
        pytest.skip("functions of TensorFlow 1.6 have no gradients under a second tape")
    honored = honor_override_maps(_relu_with_ten_x_squared)
    found = mode.run(
        lambda differentiate, x: differentiate(lambda x: differentiate(honored, [x])[1][0], [x]),
        np.array([1.0, 2.0], np.float32),
    )
    assert_same_bits([found[0], found[1][0]], [np.array(a, np.float32) for a in ([30.0, 120.0], [60.0, 120.0])])
