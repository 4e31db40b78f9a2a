"""All modes agree with NumPy bit for bit; whatever else a backward returns is an error that names the override."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, note
from hypothesis import strategies as st

from compat_grad.testing import ways
from tests import modes
from tests.property import programs

STRATEGIES = {mode: ways._strategies_of(mode) for mode in modes.MODES}


def strategy_in(mode, example):
    return example.strategy if example.strategy in STRATEGIES[mode] else "auto"


@given(programs.examples())
def test_all_modes_agree_with_numpy(example):
    expected = programs.expected(example)
    for mode in modes.MODES:
        note(mode.name)
        with mode.scope():
            found = programs.computed(mode, example, strategy_in(mode, example))
        for what, one, other in zip(["value", "first", "second"], found, expected):
            for index in range(len(one)):
                place = "{}, {} {}".format(mode, what, index)
                # Adding nothing makes -0.0, which sums that begin with 0.0 never are, 0.0.
                modes.assert_same_bits(
                    one[index] + one[index].dtype.type(0), other[index] + other[index].dtype.type(0), place
                )


#: From a gradient that would be right to one that is wrong.
WRONG = {
    "one too many": lambda good: good + [good[0]],
    "one too few": lambda good: good[:-1],
    "two too many": lambda good: good + good + [good[0]] * 2,
    "another shape": lambda good: (
        [tf.concat([tf.reshape(good[0], [-1])] + [tf.ones([4], good[0].dtype)], 0)] + good[1:]
    ),
    "NumPy of another shape": lambda good: [np.ones([3, 1, 2])] + good[1:],
    "an integer": lambda good: [tf.zeros(tf.shape(good[0]), tf.int32)] + good[1:],
    "a bool": lambda good: [tf.zeros(tf.shape(good[0]), tf.bool)] + good[1:],
    "text": lambda good: ["text"] + good[1:],
    "an object": lambda good: [object()] + good[1:],
    "a function": lambda good: [len] + good[1:],
    "a string": lambda good: [tf.constant("text")] + good[1:],
    "another float": lambda good: [tf.cast(good[0], other_float(good[0].dtype))] + good[1:],
    "a list in its place": lambda good: [[good[0], good[0]]] + good[1:],
    "a dict": lambda good: {"unknown": good[0]} if len(good) > 1 else {"a": good[0], "b": good[0]},
}


def other_float(dtype):
    return tf.complex64 if dtype == tf.float32 else tf.float32


@given(programs.examples(), st.sampled_from(sorted(WRONG)))
def test_a_wrong_gradient_is_our_own_error(example, case):
    # Of known shapes, without passengers, called plainly: what is wrong is known when the gradient is built.
    inputs = [of._replace(hidden=False) for of in example.inputs]
    example = example._replace(inputs=inputs, passengers=[], placement="plain", calls=1, captures=False)

    def backward(op, *dys):
        return WRONG[case]([tf.ones_like(x) for x in programs.leaves_of(list(op.inputs))])

    def program(differentiate, *arrays):
        override = programs.override_of(example, strategy, backward=backward)
        outputs, gradients = differentiate(programs.function_of(example, override), arrays)
        return list(outputs), gradients

    for mode in modes.MODES:
        strategy = strategy_in(mode, example)
        note(mode.name)
        with mode.scope(), pytest.raises(ValueError) as caught:
            mode.run(program, *[of.array for of in example.inputs])
        assert "override_gradient 'fuzzed'" in str(caught.value), mode
