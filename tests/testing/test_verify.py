"""``python -m compat_grad verify``: verdicts on overrides that are right, and on some that are not."""

import json

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import _tf, override_gradient
from compat_grad.commands import verify
from compat_grad.testing import modes as modes_here
from compat_grad.testing import process
from tests import modes

pytestmark = pytest.mark.slow

HERE = __name__
right = override_gradient(lambda x, y: x * y, lambda op, dy: (dy * op.inputs[1], dy * op.inputs[0]), name="right")
wrong = override_gradient(lambda x, y: x * y, lambda op, dy: (dy * op.inputs[1], -dy * op.inputs[0]), name="wrong")
half = override_gradient(tf.sign, surrogate=lambda x: 0.5 * x * x, name="half")


def half_of_square(x):
    return 0.5 * x * x


def formula(x, y, dy):
    return dy * y, dy * x


def of_mode(x):
    """A function whose gradient depends on the mode."""
    return x * (2.0 if hasattr(tf.constant(0.0), "numpy") else 3.0)


def inputs():
    return [np.array([0.5, -1.5], np.float32), np.array([2.0, 4.0], np.float32)]


def verified(capsys, *argv):
    """Return (exit code, what --json tells)."""
    code = verify.main(list(argv) + ["--json"])
    return code, json.loads(capsys.readouterr().out)


def verdicts(told, **about):
    return {c["verdict"] for c in told["checks"] if all(c[key] == value for key, value in about.items())}


def test_an_override_is_held_to_itself_in_every_mode_and_strategy(capsys):
    code, told = verified(capsys, HERE + ":half", "--input", "float32[2,3]", "--surrogate", HERE + ":half_of_square")
    assert code == 0 and told["verdict"] == "agrees"
    agreeing = {c["mode"] for c in told["checks"] if c["strategy"] == "auto" and c["verdict"] == "agrees"}
    assert agreeing <= set(modes_here()) and agreeing
    assert verdicts(told, against="the surrogate") >= {"agrees"}
    assert {c["strategy"] for c in told["checks"]} == {
        "auto",
        "tape",
        "gradient_override_map",
        "custom_gradient",
        "stop_gradient",
    }
    assert all(c["words"] for c in told["checks"] if c["verdict"] == "not here")


def test_a_wrong_sign_is_found_by_differences_and_by_the_formula(capsys):
    code, told = verified(
        capsys, HERE + ":wrong", "--inputs", HERE + ":inputs", "--numeric", "--formula", HERE + ":formula", "--order=1"
    )
    assert code == 1 and told["verdict"] == "differs"
    assert verdicts(told, against="finite differences") == verdicts(told, against="the formula") == {"differs"}
    assert "gradient of inputs[1]" in next(c["words"] for c in told["checks"] if c["verdict"] == "differs")
    assert verdicts(told, against="itself") == {"agrees"}
    (cannot,) = [c for c in told["checks"] if c["strategy"] == "stop_gradient"]
    assert cannot["verdict"] == "not here" and "surrogate" in cannot["words"]


def test_the_right_sign_is_found_right(capsys):
    code, told = verified(
        capsys, HERE + ":right", "--inputs", HERE + ":inputs", "--numeric", "--formula", HERE + ":formula", "--order=1"
    )
    assert code == 0
    assert verdicts(told, against="finite differences") == verdicts(told, against="the formula") == {"agrees"}


def test_a_function_that_depends_on_the_mode_is_told(functions, capsys):
    code = verify.main([HERE + ":of_mode", "--input", "float32[2]", "--modes", "eager,tape_inside", "--order", "1"])
    out = capsys.readouterr().out
    assert code == 1
    assert "{}:of_mode DIFFERS in 1 of 2 checks".format(HERE) in out
    assert "tape_inside" in out and "Mismatched elements: 2 / 2" in out


def _has_gradient(op_type):
    try:
        return bool(_tf.registered_gradient(op_type))
    except LookupError:
        return False


def test_an_unknown_dimension_is_unknown_in_graphs(capsys):
    if not modes.HAS_GRAPHS:
        pytest.skip(process.WHY_NO_GRAPHS)
    if not _has_gradient("PlaceholderWithDefault"):
        assert verify.main([HERE + ":half", "--input", "float32[?,2]"]) == 2
        assert "TensorFlow 1.0 has no gradients of what loses its static shape" in capsys.readouterr().err
        return
    shapes = []

    def forward(x):
        shapes.append(x.shape.as_list())
        return 2.0 * x

    globals()["seen"] = override_gradient(forward, lambda op, dy: 5.0 * dy, name="seen")
    assert verify.main([HERE + ":seen", "--input", "float32[?,2]", "--modes", "graph", "--order", "1"]) == 0
    assert [None, 2] in shapes


OTHER = "eager" if modes.IS_TF2 else "v1"  # what the other TensorFlow has


@pytest.mark.parametrize(
    "argv, words",
    [
        ([HERE + ":half"], "without inputs there is nothing to differentiate by"),
        ([HERE + ":nothing", "--input", "float32"], "has no 'nothing'"),
        (["no_such_module:f", "--input", "float32"], "there is no module 'no_such_module'"),
        (["half", "--input", "float32"], "write package.module:name"),
        ([HERE + ":HERE", "--input", "float32"], "is no function"),
        ([HERE + ":half", "--input", "int32[2]"], "none of the inputs of half is a floating array"),
        ([HERE + ":half", "--input", "float32", "--modes", "session"], "there is no mode 'session'"),
        ([HERE + ":half", "--input", "float32", "--behaviour", OTHER], "has the behaviours default and"),
    ],
)
def test_a_question_without_sense_is_one_line_and_exit_code_2(capsys, argv, words):
    assert verify.main(argv) == 2
    told = capsys.readouterr().err
    assert words in told and told.count("\n") == 1
