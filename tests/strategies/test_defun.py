"""Overrides in the body of a Defun, a call of which TensorFlow's runtime differentiates with native gradients."""

import importlib

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import _tf, available_strategies, honor_override_maps, override_gradient
from tests import modes
from tests.modes import assert_same_bits, v1

X = np.array([-1.0, 2.0], np.float32)


def times_ten(op, dy):
    return 10.0 * dy


def of_a_backward(strategy):
    return override_gradient(lambda x: 3.0 * x, times_ten, strategy=strategy, name="scale"), [3 * X], [10, 10]


def of_a_surrogate(strategy):
    return override_gradient(tf.sign, surrogate=lambda x: 10.0 * x, strategy=strategy, name="scale"), [X / abs(X)], 10


def of_ops(strategy):
    f = override_gradient(lambda x: [tf.nn.relu(x), x], {"Relu": times_ten}, strategy=strategy, name="scale")
    return f, [np.maximum(X, 0), X], 11


def of_ops_of_two_inputs(strategy):
    table = {"Mul": lambda op, dy: (10.0 * dy, None)}
    return (
        override_gradient(lambda x: tf.multiply(x, x + 1.0), table, strategy=strategy, name="scale"),
        [X * (X + 1)],
        10,
    )


CASES = [
    (of_a_backward, "auto"),
    (of_a_backward, "custom_gradient"),
    (of_a_surrogate, "auto"),
    (of_a_surrogate, "custom_gradient"),
    (of_ops, "auto"),
    (of_ops_of_two_inputs, "auto"),
]


@pytest.fixture(params=CASES, ids=lambda case: "{}-{}".format(case[0].__name__, case[1]))
def case(graph, request):
    """(an override, what it gives of X, the gradient of that by X)"""
    make, strategy = request.param
    if strategy not in ("auto",) + available_strategies():
        pytest.skip("this TensorFlow has no tf.custom_gradient (it came with 1.7)")
    return make(strategy)


def defun(function, **options):
    def body(x):  # which has a name that ops may have
        return function(x)

    return importlib.import_module("tensorflow.python.framework.function").Defun(tf.float32, **options)(body)


def run(tensors):
    with v1.Session() as session:
        return session.run(tensors)


def test_values_and_gradients_asked_for_inside_are_right(case):
    f, outputs, gradient = case

    def body(x):
        results = modes.flat(f(x))
        return results + v1.gradients(results, x)

    *found, of_x = run(defun(body)(tf.constant(X)))
    assert_same_bits(found, outputs)
    assert_same_bits(of_x, np.full_like(X, gradient))


def test_what_an_override_of_ops_returns_beside_tensors_stays(graph):
    kept = []
    f = override_gradient(lambda x: {"y": tf.nn.relu(x), "name": "a text", "none": None}, {"Relu": times_ten})

    def body(x):
        kept.append(f(x))
        return kept[0]["y"]

    assert_same_bits(run(defun(body)(tf.constant(X))), np.maximum(X, 0))
    assert (kept[0]["name"], kept[0]["none"]) == ("a text", None)


def test_the_gradient_of_a_call_is_refused_and_never_the_native_one(case):
    f, x = case[0], tf.constant(X)
    with pytest.raises(ValueError, match="override_gradient 'scale': it is called inside a Defun"):
        v1.gradients(modes.flat(defun(lambda x: f(x))(x)), x)


def test_so_is_that_of_a_call_in_another_one(case):
    f, x = case[0], tf.constant(X)
    inner = defun(lambda x: f(x))
    inner(x)  # which is not built again for the outer one
    outer = defun(lambda x: inner(x))
    with pytest.raises((ValueError, tf.errors.NotFoundError), match="No gradient defined for op: PlaceholderWithDef"):
        run(v1.gradients(modes.flat(outer(x)), x))


def test_a_gradient_of_the_defun_itself_holds(case):
    f, x = case[0], tf.constant(X)
    given = defun(lambda x: modes.flat(f(x))[0], python_grad_func=lambda op, gradient: 7.0 * gradient)
    assert_same_bits(run(v1.gradients(given(x), x)[0]), np.full_like(X, 7))


def test_a_surrogate_has_a_strategy_that_holds(graph):
    x = tf.constant(X)
    f = override_gradient(tf.sign, surrogate=lambda x: 10.0 * x, strategy="stop_gradient")
    assert_same_bits(run(v1.gradients(defun(lambda x: f(x))(x), x)[0]), np.full_like(X, 10))


@pytest.mark.parametrize("built", [False, True], ids=["built in forward", "built before"])
def test_ops_in_a_defun_that_forward_calls_are_refused(graph, built):
    x, inner = tf.constant(X), defun(lambda x: 3.0 * tf.nn.relu(x))
    if built:
        inner(x)
    f = override_gradient(lambda x: tf.nn.relu(x) + inner(x), {"Relu": times_ten}, name="both")
    with pytest.raises(ValueError, match="'both': the Relu op 'Relu' is inside the function"):
        f(x)


def test_ops_in_a_branch_that_is_a_defun_are_differentiated_in_python(graph):
    functional_ops = importlib.import_module("tensorflow.python.ops.functional_ops")
    if not hasattr(tf, "nest") or not hasattr(functional_ops, "If") or not _tf.is_registered("If"):
        pytest.skip("this TensorFlow has no functional_ops.If with a gradient (it came with 1.15)")
    f, x = override_gradient(lambda x: 3.0 * x, times_ten, name="branch"), tf.constant(X)
    branch = defun(lambda x: f(x))
    (y,) = functional_ops.If(tf.constant(True), [x], branch, branch)
    assert_same_bits(run(v1.gradients(y, x)[0]), np.full_like(X, 10))


def test_a_dataset_maps_an_override(case):
    f, outputs, _ = case
    if not hasattr(tf, "data"):
        pytest.skip("this TensorFlow has no tf.data (it came with 1.4)")
    dataset = tf.data.Dataset.from_tensors(tf.constant(X)).map(lambda x: tuple(modes.flat(f(x))))
    make = getattr(v1.data, "make_one_shot_iterator", None) or type(dataset).make_one_shot_iterator
    assert_same_bits(run(list(make(dataset).get_next())), outputs)


def test_one_without_outputs_is_called_in_honored_code_as_ever(graph):
    def called(x):
        return defun(lambda x: [])(x)

    op = honor_override_maps(called)(tf.constant(X))
    assert isinstance(op, tf.Operation) and list(op.outputs) == []
    with v1.Session() as session:
        session.run(op)
