"""Gradients by op types reach every op of theirs, whatever stands around it or runs it again, in every mode."""

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given

from tests import modes
from tests.property import nested

pytestmark = pytest.mark.skipif(not modes.HAS_FUNCTIONS, reason="this TensorFlow process has no tf.function")


@given(nested.programs())
def test_gradients_by_op_types_in_programs_within_programs(program):
    hypothesis.assume(nested.is_exact(program))
    w = tf.Variable(nested.W)
    f = nested.by_overrides(program, w)
    for _ in range(2 if program.mode is nested.EAGER else 1):
        try:
            _check(f, program, w)
        except Exception:
            hypothesis.assume(_tensorflow_is_right(program, w))
            raise


def _tensorflow_is_right(program, w):
    """Whether it is where each override is a tf.custom_gradient, with the tape where it is and around a function.

    Which is what gradients by op types are in eager mode. TensorFlow's optimizer, and loops and branches in functions,
    have faults of their own (1.15, 2.1).
    """
    rival = nested.by_custom_gradients(program, w)
    for mode in {program.mode, nested.OUTSIDE if program.mode is nested.EAGER else program.mode}:
        try:
            _check(rival, program._replace(mode=mode), w)
        except Exception:
            return False
    return True


def _check(f, program, w):
    for found, wanted in zip(nested.differentiate(f, program, w), nested.expected(program)):
        np.testing.assert_array_equal(np.zeros_like(wanted) if found is None else found, wanted)
