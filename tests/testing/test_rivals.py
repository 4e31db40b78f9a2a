"""What TensorFlow's own means make of a case stands beside ours, and is wrong where they are."""

import numpy as np
import pytest
import tensorflow as tf

from compat_grad.testing import rivals
from compat_grad.testing.case import Case
from tests import modes

X = np.array([1.5, -2.0, 0.25], np.float32)

tripled = Case(
    "Rivals",
    "the gradient tripled",
    forward=lambda x: x * x,
    backward=lambda op, dy: 3.0 * dy * op.inputs[0],
    inputs=[X],
    value=lambda x: x * x,
    gradient=lambda x, dy: 3.0 * dy * x,
)
ops = Case(
    "Rivals",
    "an op's gradient",
    forward=lambda x: tf.negative(tf.negative(x)),
    backward={"Neg": lambda op, dy: 2.0 * dy},
    inputs=[X],
    value=lambda x: x,
    gradient=lambda x, dy: 4.0 * dy,
)


@pytest.mark.skipif(not modes.HAS_FUNCTIONS, reason="this TensorFlow process has no tf.function")
def test_custom_gradient_is_right_and_a_map_is_ignored_in_eager_mode():
    found = rivals.verdicts(tripled)
    assert set(found["tf.custom_gradient"].values()) == {rivals.RIGHT}
    by_map = found["gradient_override_map"]
    assert by_map["graph"] == by_map["function, tf.gradients inside"] == rivals.RIGHT
    assert by_map["eager"].startswith("wrong first: number 0, element [")


@pytest.mark.skipif(modes.HAS_EAGER, reason="a graph of TensorFlow 1")
def test_in_a_graph_a_map_is_right():
    assert rivals.verdicts(ops) == {"gradient_override_map": {"graph": rivals.RIGHT}}


def test_beside_what_is_no_override_stands_nothing():
    assert rivals.verdicts(Case("Rivals", "plain", function=lambda x: x * x, inputs=[X])) == {}


def test_what_a_rival_has_no_words_for_is_left_out():
    assert "tf.custom_gradient" not in rivals.verdicts(ops)
