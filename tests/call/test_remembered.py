"""What an override remembers of its calls is bounded, and nothing depends on what it has forgotten."""

import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from compat_grad.call import arguments, traced
from tests import modes
from tests.modes import assert_same_bits


def test_what_is_remembered_of_call_shapes_is_bounded():
    f = override_gradient(lambda structure: structure["x"] * 1.0, lambda op, *dys: [dys[0] * 10.0])
    g = override_gradient(lambda tensors: tensors[0] * 1.0, lambda op, *dys: [dys[0]] + [None] * (len(op.inputs) - 1))
    x = tf.constant([1.0, 2.0])
    for count in range(1, arguments.MOST + 40):
        f({"x": x, "other {}".format(count): 1})
        g([x] * min(count, 4) + [1] * count)
    assert max(len(f._arguments._layouts), len(g._arguments._layouts)) <= arguments.MOST


def test_a_call_shape_that_was_forgotten_is_right_again(mode):
    f = override_gradient(lambda x, **plain: x * 1.0, lambda op, dy: dy * 10.0)

    def program(differentiate, x):
        before = differentiate(lambda x: f(x, mine=1), [x])[1]
        for count in range(arguments.MOST + 1):
            f(x, **{"other_{}".format(count): 1})
        return before + differentiate(lambda x: f(x, mine=1), [x])[1]

    assert_same_bits(mode.run(program, np.ones([2], np.float32)), [np.full([2], 10, np.float32)] * 2)


def test_what_is_remembered_of_traces_is_bounded(eager, monkeypatch):
    monkeypatch.setattr(traced, "MOST", 8)
    f = override_gradient(lambda x, **plain: tf.nn.relu(x), {"Relu": lambda op, dy: dy * 10.0})
    for count in range(traced.MOST + 3):
        f(tf.constant([1.0, 2.0]), **{"other_{}".format(count): 1})
    assert len(f._functions._seen) == len(f._functions._functions) == traced.MOST
    assert_same_bits(
        modes.EAGER.run(lambda differentiate, x: differentiate(lambda x: f(x, other_0=1), [x])[1], np.ones([2], "f")),
        [np.full([2], 10, np.float32)],
    )


def test_traces_for_many_shapes_are_forgotten_together(eager, monkeypatch):
    if not modes.functions_with_a_tape_outside_are_collected():
        pytest.skip("this TensorFlow itself keeps a traced function's graph that a tape has seen (1.13, 1.14)")
    monkeypatch.setattr(traced, "MOST_TRACES", 4)
    graphs = []

    def forward(x):
        if hasattr(x, "graph") and not hasattr(x, "numpy"):
            graphs.append(weakref.ref(x.graph))
        return tf.nn.relu(x)

    f = override_gradient(forward, {"Relu": lambda op, dy: dy * 10.0})
    for size in [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 9]:
        found = modes.EAGER.run(lambda differentiate, x: differentiate(f, [x])[1], np.ones([size], "f"))
        assert_same_bits(found, [np.full([size], 10, np.float32)])
    gc.collect()
    assert len(graphs) > 8 and sum(graph() is not None for graph in graphs) < 4


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda dx, dz: [dx[:1], dz], r"shape \(1,\) for input 'x'"),
        (lambda dx, dz: [dx, tf.cast(dz, tf.float64)], "dtype float64 for input 'z'"),
        (lambda dx, dz: [dx], "1 gradients, but forward has 2 tensors: x, z"),
        (lambda dx, dz: (dx, dz, dz), "3 gradients, but forward has 2 tensors: x, z"),
        (lambda dx, dz: [dx, "dz"], "'dz' .str. for input 'z'"),
    ],
    ids=["shape", "dtype", "too few", "too many", "no gradient"],
)
def test_the_first_wrong_gradient_of_a_call_that_had_been_right_is_refused(mode, wrong, words):
    returned = [lambda dx, dz: [dx, dz]]
    f = override_gradient(lambda x, z: x * z, lambda op, dy: returned[-1](2.0 * dy, 3.0 * dy))
    x = np.ones([2], np.float32)

    def gradients(differentiate, x, z):
        return differentiate(f, [x, z])[1]

    for _ in range(2):
        assert_same_bits(mode.run(gradients, x, x), [2 * x, 3 * x])
    returned.append(wrong)
    with pytest.raises(ValueError, match=words):
        mode.run(gradients, x, x)


class Unhashable:
    """What neither says that it is equal to another nor can be referred to weakly."""

    __slots__ = ("factor",)
    __hash__ = None

    def __init__(self, factor):
        self.factor = factor

    def __float__(self):
        return self.factor


@pytest.mark.parametrize(
    "values",
    [
        [2.0 + 1.0j, 3.0 + 1.0j],
        [np.array([2.0, None], object), np.array([3.0, None], object)],
        [Unhashable(2.0), Unhashable(3.0)],
    ],
    ids=["complex numbers", "arrays of objects", "what has no hash"],
)
def test_a_trace_is_for_one_value_of_a_plain_argument(eager, values):
    def forward(x, value):
        factor = value[0] if isinstance(value, np.ndarray) else value
        return x * float(getattr(factor, "real", factor))

    f = override_gradient(forward, lambda op, dy: 10.0 * dy * op.outputs[0], strategy="gradient_override_map")
    x = np.array([0.5, -1.0], np.float32)
    for value, factor in [(values[0], 2.0), (values[1], 3.0), (values[0], 2.0)]:
        found = modes.EAGER.run(lambda differentiate, x, value=value: differentiate(lambda x: f(x, value), [x])[1], x)
        assert_same_bits(found, [10 * factor * x])


def test_the_warning_of_many_traces_names_the_line_that_calls(eager):
    f = override_gradient(lambda x, n: tf.nn.relu(x) * n, {"Relu": lambda op, dy: dy * 10.0})
    with pytest.warns(UserWarning, match="traced for the {}th time".format(traced.WARN_AT)) as warned:
        for n in range(traced.WARN_AT):
            f(tf.constant([1.0, 2.0]), float(n))
    (one,) = [one for one in warned if "th time" in str(one.message)]
    assert one.filename == __file__
