"""The legacy programs, unchanged but for `honor_override_maps`, give what their formulas say in eager modes."""

import pytest
import tensorflow as tf

from compat_grad import honor_override_maps
from tests import modes
from tests.legacy import running

MODES = [mode for mode in modes.MODES if mode is not modes.GRADIENTS_INSIDE and not mode.is_graph]
pytestmark = pytest.mark.skipif(
    not modes.HAS_FUNCTIONS or not hasattr(tf.compat, "v1"),
    reason="the programs need tensorflow.compat.v1, and here an eager mode with tf.function",
)


@pytest.mark.parametrize("name", running.NAMES)
def test_a_program_gives_what_its_formulas_say(name):
    if name.startswith("keras_session") and not _keras_has_sessions():
        pytest.skip("this Keras has no sessions (from 2.16 on)")
    for mode in MODES:
        with running.registry_put_back():
            module = running.load(name)
            value, gradients = running.run(module, mode, honor_override_maps)
            running.assert_as_its_formulas(module, value, gradients, mode.name)
            running.unload(name)


def _keras_has_sessions():
    try:
        return hasattr(tf.compat.v1.keras.backend, "get_session")
    except (AttributeError, ImportError):
        return False
