"""Every mode and strategy agrees with NumPy bit for bit; what else a backward returns is an error of the override's."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tests import modes
from tests.property import programs
from tests.property.by_numpy import expected
from tests.property.examples import examples


@given(examples())
def test_all_modes_agree_with_numpy(example):
    for what, found, wanted in zip(["value", "first", "second"], programs.run(example), expected(example)):
        assert len(found) == len(wanted)
        for index, (one, other) in enumerate(zip(found, wanted)):
            # Adding nothing makes -0.0, which sums that begin with 0.0 never are, 0.0.
            modes.assert_same_bits(one + one.dtype.type(0), other + other.dtype.type(0), "{} {}".format(what, index))


#: From a gradient that would be right to one that is wrong.
WRONG = {
    "one too many": lambda good: good + [good[0]],
    "one too few": lambda good: good[:-1],
    "two too many": lambda good: good + good + [good[0]] * 2,
    "only Nones, four too many": lambda good: [None] * (len(good) + 4),  # two are a pair's, whole
    "another shape": lambda good: (
        [tf.concat([tf.reshape(good[0], [-1])] + [tf.ones([4], good[0].dtype)], 0)] + good[1:]
    ),
    "NumPy of another shape": lambda good: [np.ones([3, 1, 2])] + good[1:],
    "slices of another shape": lambda good: (
        [tf.IndexedSlices(tf.ones([1, 5, 3], good[0].dtype), tf.constant([0]), tf.constant([2, 5, 3]))] + good[1:]
    ),
    "an integer": lambda good: [tf.zeros(tf.shape(good[0]), tf.int32)] + good[1:],
    "a bool": lambda good: [tf.zeros(tf.shape(good[0]), tf.bool)] + good[1:],
    "text": lambda good: ["text"] + good[1:],
    "an object": lambda good: [object()] + good[1:],
    "a function": lambda good: [len] + good[1:],
    "a string": lambda good: [tf.constant("text")] + good[1:],
    "another float": lambda good: [tf.cast(good[0], other_float(good[0].dtype))] + good[1:],
    "a list in its place": lambda good: [[good[0], good[0]]] + good[1:],
    "a list too deep": lambda good: [[good[0]], good] + good[1:],
    "a dict": lambda good: {"unknown": good[0]} if len(good) > 1 else {"a": good[0], "b": good[0]},
    "the last one is text": lambda good: good[:-1] + ["text"],
}


def other_float(dtype):
    return tf.complex64 if dtype == tf.float32 else tf.float32


@given(examples(wrong=True), st.sampled_from(sorted(WRONG)))
def test_a_wrong_gradient_is_our_own_error(example, case):
    def backward(op, *dys):
        return WRONG[case]([tf.ones_like(x) for x in programs.leaves_of(list(op.inputs))])

    with pytest.raises(ValueError) as caught:
        programs.run(example, backward)
    assert "override_gradient 'fuzzed" in str(caught.value)
