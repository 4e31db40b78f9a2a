"""Gradients by op types reach every op of theirs, whatever stands around it or runs it again, in every mode."""

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given

from tests import modes
from tests.property import nested

pytestmark = pytest.mark.skipif(not modes.HAS_FUNCTIONS, reason="this TensorFlow process has no tf.function")


@pytest.fixture(autouse=True, scope="module")
def unoptimized():
    """Without TensorFlow's optimizer: in 1.15 it makes gradients in loops empty, with no override at hand."""
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})


@given(nested.programs())
def test_gradients_by_op_types_in_programs_within_programs(program):
    hypothesis.assume(nested.is_exact(program))
    w = tf.Variable(nested.W)
    f = nested.by_overrides(program, w)
    for _ in range(2 if program.mode is nested.EAGER else 1):
        try:
            found = nested.differentiate(f, program, w)
        except Exception:
            hypothesis.assume(not _tensorflow_itself_fails(program, w))
            raise
        for one, wanted in zip(found, nested.expected(program)):
            np.testing.assert_array_equal(np.zeros_like(wanted) if one is None else one, wanted)


def _tensorflow_itself_fails(program, w):
    """Whether tf.custom_gradient fails, too, where it is what each override is, or does so in a traced function."""
    for mode in {program.mode, nested.OUTSIDE if program.mode is nested.EAGER else program.mode}:
        try:
            nested.differentiate(nested.by_custom_gradients(program, w), program._replace(mode=mode), w)
        except Exception:
            return True
    return False
