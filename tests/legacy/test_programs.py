"""The legacy programs give, on TensorFlow 1.15 and in a graph, what their formulas say: the formulas are the truth."""

import pytest
import tensorflow as tf

from tests import modes
from tests.legacy import running

pytestmark = pytest.mark.skipif(
    modes.IS_TF2 or modes.BEHAVIOUR != "default" or not hasattr(tf, "compat") or not hasattr(tf.compat, "v1"),
    reason="the programs are at home in graphs of the TensorFlow 1 that has tensorflow.compat.v1 (1.13 to 1.15)",
)


@pytest.fixture(scope="module", autouse=True)
def registry():
    with running.registry_put_back():
        yield


@pytest.mark.parametrize("name", running.NAMES)
def test_a_program_gives_what_its_formulas_say(name, graph):
    tf.keras.backend.set_session(modes.v1.Session())  # 1.13 goes on with that of another test, and its graph
    module = running.load(name)
    running.assert_as_its_formulas(module, *running.run(module, modes.GRAPH))
