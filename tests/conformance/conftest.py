"""Writes what the catalogue's tests found to the directory COMPAT_GRAD_RESULTS, for the comparison of TensorFlows."""

import os
import platform
import time

import numpy as np
import pytest
import tensorflow as tf

import compat_grad
from compat_grad.testing.proof import Proof
from compat_grad.testing.results import Recorder, fingerprint
from tests import modes
from tests.conformance import families
from tests.conformance.families import CATALOGUE


@pytest.fixture(scope="session")
def proof():
    """The results of this process."""
    started = time.time()
    recorder = Recorder(
        order=CATALOGUE,
        environment=os.environ.get("COMPAT_GRAD_ENV") or "tf{}".format(tf.__version__),
        behaviour=modes.BEHAVIOUR,
        tensorflow=tf.__version__,
        python=platform.python_version(),
        numpy=np.__version__,
        machine=platform.machine(),
        sources=fingerprint(os.path.dirname(compat_grad.__file__), os.path.dirname(families.__file__)),
    )
    yield Proof(recorder)
    recorder.about.update(seconds=round(time.time() - started, 1), written=time.strftime("%Y-%m-%d %H:%M:%S"))
    if os.environ.get("COMPAT_GRAD_RESULTS"):
        recorder.write(os.environ["COMPAT_GRAD_RESULTS"])
