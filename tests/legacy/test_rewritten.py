"""The rewritten programs give in every mode what the originals give on TensorFlow 1.15: their formulas."""

import pkgutil

import pytest
import tensorflow as tf

from compat_grad import _tf
from tests import modes
from tests.legacy import rewritten, running, wrapped

pytestmark = pytest.mark.skipif(
    not hasattr(tf, "compat") or not hasattr(tf.compat, "v1"),
    reason="the programs use tensorflow.compat.v1, which came with 1.13",
)

MODES = [mode for mode in modes.MODES if mode is not modes.GRADIENTS_INSIDE]

#: What an override returns beside what that is made of: before 2.1, an error where a tape sees them in eager mode.
MADE_OF_EACH_OTHER = ("guided_network", "several_outputs")


@pytest.fixture(scope="module", autouse=True)
def registry():
    with running.registry_put_back():
        yield


def programs_in(package):
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


@pytest.mark.parametrize("mode", MODES, ids=repr)
@pytest.mark.parametrize("name", programs_in(rewritten))
def test_a_rewritten_program_gives_what_the_original_did(name, mode):
    module = running.load(name, "rewritten")
    with mode.scope():
        if mode is modes.EAGER and name in MADE_OF_EACH_OTHER and not _tf.has_op_callbacks:
            with pytest.raises(ValueError, match="one of its outputs is made of another"):
                running.run(module, mode)
        else:
            running.assert_as_its_formulas(module, *running.run(module, mode))


@pytest.mark.parametrize("mode", MODES, ids=repr)
@pytest.mark.parametrize("name", programs_in(wrapped))
def test_a_wrapped_program_gives_what_the_original_did(name, mode):
    module = running.load(name, "wrapped")
    with mode.scope():
        running.assert_as_its_formulas(module, *running.run(module, mode))
