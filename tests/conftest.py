"""What all tests share: the modes and the Kerases of this process.

`tests.behaviour` has chosen how it runs TensorFlow: tox runs TensorFlow 1 once with graphs and once with eager mode.
"""

import gc
import os
import threading

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # oneDNN changes last bits

import pytest
import tensorflow as tf

from tests import modes
from tests.keras.models import KERASES

pytest_plugins = ["compat_grad.testing.plugin"]  # also where the package is not installed


@pytest.fixture(params=modes.MODES, ids=lambda mode: mode.name)
def mode(request):
    """Each way in which this process can compute gradients."""
    with request.param.scope():
        yield request.param


@pytest.fixture
def eager():
    """Eager mode, where this process has it."""
    if not modes.HAS_EAGER:
        pytest.skip("this TensorFlow process has no eager mode")


@pytest.fixture
def functions():
    """tf.function under eager execution."""
    if not modes.HAS_FUNCTIONS:
        pytest.skip("this TensorFlow process has no tf.function in eager mode")


@pytest.fixture
def graph():
    """A plain tf.Graph as default graph."""
    if not modes.HAS_GRAPHS:
        pytest.skip("this TensorFlow refuses tf.gradients while eager execution is enabled")
    with tf.Graph().as_default() as new:
        yield new


@pytest.fixture
def graph_of_threads(graph):
    """The same for several threads that build at once: TensorFlow looks for a free name for an op without a lock.

    Two ops are otherwise of one name at times, whoever makes them (ValueError on 1.0, InvalidArgumentError on 2.4).
    """
    unique_name, one_at_a_time = graph.unique_name, threading.Lock()

    def unique_name_of_one_thread(*args, **kwargs):
        with one_at_a_time:
            return unique_name(*args, **kwargs)

    graph.unique_name = unique_name_of_one_thread
    return graph


@pytest.fixture(params=sorted(KERASES))
def keras(request):
    """Each Keras of this process, of those that overrides are lifted in."""
    keras = KERASES[request.param]
    keras.backend.clear_session()  # names count from one again, in a new graph
    return keras


@pytest.fixture(scope="module", autouse=True)
def _quick_collections():
    """Leave TensorFlow's own objects, some million, and those of other tests out of what tests let be collected."""
    freeze = getattr(gc, "freeze", None)  # Python 3.7 brought it
    if freeze is not None:
        gc.collect()
        freeze()
