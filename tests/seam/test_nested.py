"""What contexts exchange of TensorFlow's stays so until the outermost of them ends, and then is TensorFlow's own."""

import contextlib
import sys

import pytest
import tensorflow as tf

from compat_grad import _tf
from compat_grad._tf import defuns, private_traces
from compat_grad.legacy import kerases, models


def _tell(*args):
    return contextlib.ExitStack()


@contextlib.contextmanager
def _remembering():
    with models.remembering():
        models.look_for_kerases(_tell)
        yield


CONTEXTS = {
    "override maps": lambda: _tf.told_of_override_maps(_tell),
    "defuns": lambda: _tf.told_of_defuns(_tell),
    "tapes": _tf.graphs_of_tapes,
    "python functions": lambda: _tf.told_of_python_functions(_tell, True),
    "functions": _tf.functions_traced_anew,
    "layers": _remembering,
    "sessions": kerases.sessions_in_functions,
}


def _of_tensorflow():
    """Return all that the contexts may exchange."""
    tape, keras = getattr(tf, "GradientTape", None), getattr(tf, "keras", None)
    found = [tf.Graph.gradient_override_map, getattr(tape, "_push_tape", None), getattr(tape, "_pop_tape", None)]
    for cls, name in (
        (defuns._Defun, "__call__"),
        *((private_traces._Function, name) for name in private_traces._CALLS),
    ):
        found.append(getattr(cls, name, None))
    found += [cls.__call__ for cls in kerases.called_classes()] + [keras and keras.layers.Layer.__call__]
    found += [getattr(sys.modules.get(name + ".backend"), "_get_session", None) for name in _tf.KERASES]
    scripts = sys.modules.get("tensorflow.python.ops.script_ops")
    return found + [getattr(scripts, "py_func_common", None)]


@pytest.mark.parametrize("name", sorted(CONTEXTS))
def test_the_outer_context_goes_on_when_one_within_ends(name):
    own = _of_tensorflow()
    with CONTEXTS[name]():
        exchanged = _of_tensorflow()
        with CONTEXTS[name]():
            assert _of_tensorflow() == exchanged
        assert _of_tensorflow() == exchanged
        assert exchanged != own or name != "override maps"  # the others are not in each TensorFlow
    assert _of_tensorflow() == own
