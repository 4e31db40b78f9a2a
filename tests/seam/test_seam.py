"""The seam: one wing knows TensorFlow's versions, and every private name in it can be missing."""

import os
import re
import sys

import numpy as np
import pytest
import tensorflow as tf

import compat_grad
from compat_grad import _tf, override_gradient
from compat_grad._tf import tapes, tensors
from compat_grad.call import arguments
from tests import modes
from tests.modes import assert_same_bits

X = np.array([[0.5, -1.25, 3.0], [-0.0, 2.0, -7.5]], np.float32)
PACKAGE = os.path.dirname(compat_grad.__file__)


@pytest.fixture
def public_api_only(monkeypatch):
    """A TensorFlow whose private modules cannot be reached."""
    for name in (
        "record_operation",
        "stop_recording",
        "EagerTensor",
        "_eager_identity",
        "_pack_tangents",
        "_tf_convert",
        "_autograph_status",
        "_registry",
        "_Fast",
        "_restart",
        "_delete_trace",
        "_CompositeTensor",
        "_DenseTensorLike",
    ):
        _replace(monkeypatch, name, None)
    _replace(monkeypatch, "alias", tapes._alias_by_op)
    _replace(monkeypatch, "aliases", tapes._aliases)
    _replace(monkeypatch, "aliases_of_flowing", tapes._aliases_of_flowing)
    _replace(monkeypatch, "no_tapes", tapes._unknown_tapes)
    _replace(monkeypatch, "recording_is_stopped", lambda: False)
    _replace(monkeypatch, "new_number", lambda: None)
    if hasattr(tf, "GradientTape"):
        _replace(monkeypatch, "told_of_reads", tapes._tape_reads_in_public)
    monkeypatch.setattr(tensors, "_VARIABLES", (tf.Variable, _tf.v1.Variable))
    monkeypatch.setattr(arguments, "_KINDS", {})
    _forget_types()
    yield
    _forget_types()


def _replace(monkeypatch, name, value):
    """Put value in the place of a name of the seam, in every room that has it."""
    rooms = [room for path, room in sys.modules.items() if path.startswith(_tf.__name__) and hasattr(room, name)]
    assert rooms, name
    for room in rooms:
        monkeypatch.setattr(room, name, value)


def _forget_types():
    for remembered in (_tf.is_tensor_type, _tf.is_variable_type, _tf.is_composite_type):
        remembered.cache_clear()


def needs_public_api(test):
    """Skip where TensorFlow's public API cannot express an override."""
    tape = pytest.mark.skipif(
        modes.HAS_EAGER and not hasattr(tf, "GradientTape"),
        reason="eager mode of 1.5 to 1.7 has no public GradientTape",
    )
    op = pytest.mark.skipif(
        not _tf.has_identity_n_op, reason="before 1.4 only private functions make an op with several outputs"
    )
    return tape(op(test))


@needs_public_api
def test_an_override_is_right_with_the_public_api_alone(public_api_only, mode):
    f = override_gradient(lambda x: 2.0 * x, lambda op, dy: dy * 10.0 * op.inputs[0])
    outputs, first, second = mode.first_and_second(f, X)
    assert_same_bits([outputs, first, second], [[2 * X], [20 * X], [np.full_like(X, 40)]])


@needs_public_api
def test_a_surrogate_is_right_with_the_public_api_alone(public_api_only, mode):
    f = override_gradient(tf.sign, surrogate=lambda x: 3.0 * x)
    outputs, first = mode.run(lambda differentiate, x: list(differentiate(f, [x])), X)
    assert_same_bits([outputs, first], [np.sign(X) + 0, [np.full_like(X, 3)]])


def test_only_the_seam_imports_private_modules_and_nobody_asks_for_version_numbers():
    private, numbers = re.compile(r"tensorflow\.python|tensorflow\.contrib"), re.compile(r"__version__|VERSION")
    reading_versions = {
        "__init__.py",
        "info.py",
        "__main__.py",
        "program.py",
        "scan.py",
        "matrix.py",
        "about.py",
        "plugin.py",
        "process.py",
        "verdicts.py",
    }  # they print them
    without_tensorflow = {"matrix", "migrate"}  # which write of its versions and names, and never load it
    for folder, _, files in os.walk(PACKAGE):
        for name in files:
            if not name.endswith(".py"):
                continue
            with open(os.path.join(folder, name)) as source:
                text = source.read()
            if os.path.basename(folder) in without_tensorflow:
                continue
            assert os.path.basename(folder) == "_tf" or not private.search(text), name
            assert name in reading_versions or not numbers.search(text), name


def test_nothing_but_what_is_meant_is_public():
    meant = {
        "AvailableStrategies",
        "Op",
        "Override",
        "available_strategies",
        "honor_override_maps",
        "override_gradient",
        "recall_gradients",
        "strict_saving",
    }
    assert set(compat_grad.__all__) == meant
    assert {name for name in dir(compat_grad) if not name.startswith("__")} == meant | {"keras", "testing"}
