"""`forbid_silent_overrides`: a map that TensorFlow ignores is an error, one that holds is none."""

import pytest
import tensorflow as tf

from compat_grad import testing
from compat_grad.testing.silent import SilentOverride
from tests.legacy import gradients  # noqa: F401
from tests.modes import v1


def mapped(x):
    with v1.get_default_graph().gradient_override_map({"Relu": "LegacyTimes100"}):
        return tf.nn.relu(x)


def test_a_map_in_a_graph_holds(graph):
    with testing.forbid_silent_overrides():
        x = tf.constant([1.0, -2.0])
        assert v1.gradients(mapped(x), x) != [None]


def test_a_map_in_eager_mode_names_file_and_line(functions):
    told = r"test_silent.py:\d+ is ignored in eager"
    with testing.forbid_silent_overrides(), pytest.raises(SilentOverride, match=told):
        mapped(tf.constant([1.0, -2.0]))
    mapped(tf.constant([1.0, -2.0]))
