"""The plugin in a project of somebody else's: one run of pytest, of which the tests look at the results."""

import json
import os
import subprocess
import sys

import pytest
import tensorflow as tf

from compat_grad import _tf
from compat_grad.commands import compare
from tests import modes
from tests.processes import where_compat_grad_is

pytestmark = pytest.mark.slow

PROJECT = """
import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient, testing

X = np.array([1.0, -2.0, 3.0], np.float32)
reverse = override_gradient(lambda x: x * 1.0, lambda op, dy: -dy)
v1 = getattr(getattr(tf, "compat", None), "v1", tf)

family = testing.Family("Mine")
family.case("reversal", forward=lambda x: x * 1.0, backward=lambda op, dy: -dy, inputs=[X])
family.case(
    "wrong formula",
    forward=lambda x: x * 1.0,
    backward=lambda op, dy: -dy,
    inputs=[X],
    value=lambda x: x,
    gradient=lambda x, dy: 3 * dy,
)


def refuse(x):
    raise LookupError("not this one")


family.case("refusal", forward=refuse, surrogate=tf.identity, inputs=[X], value=lambda x: x, gradient=lambda x, dy: dy)


def test_reversal(gradient_mode):
    value, (gradient,) = testing.value_and_gradients(reverse, X, mode=gradient_mode)
    np.testing.assert_array_equal(gradient, -np.ones(3))


@pytest.mark.parametrize("scale", [2.0, 3.0])
def test_scaled(gradient_mode, scale):
    for _ in range(2):
        testing.value_and_gradients(lambda x: reverse(x) * scale, X, mode=gradient_mode)


def test_a_fresh_graph(gradient_mode):
    if v1.get_default_graph().get_operations():
        raise AssertionError("not fresh")
    tf.constant(1.0)


@v1.RegisterGradient("Times7")
def times_7(op, dy):
    return 7.0 * dy


def test_a_map():
    x = tf.constant([1.0])
    with v1.get_default_graph().gradient_override_map({"Relu": "Times7"}):
        tf.nn.relu(x)
"""


def run_pytest(folder, *options, **variables):
    path = os.pathsep.join(where_compat_grad_is())  # all of sys.path would hold setuptools' own plugins
    environment = dict(os.environ, PYTHONPATH=path, TOX_ENV_NAME="planted", PYTHONIOENCODING="utf-8", **variables)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "compat_grad.testing.plugin"]
    done = subprocess.run(
        command + list(options),
        cwd=str(folder),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return done.returncode, done.stdout.decode("utf-8")


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The folder of the project, the exit code of pytest and what it printed."""
    folder = tmp_path_factory.mktemp("project")
    folder.joinpath("pyproject.toml").write_text('[project]\nname = "theirs"\n')
    folder.joinpath("test_theirs.py").write_text(PROJECT)
    options = ["--gradient-behaviour", modes.BEHAVIOUR, "--gradient-results", "results"]
    options += ["--gradient-rivals", "--forbid-silent-overrides"]
    return (folder,) + run_pytest(folder, "-rA", *options)


def test_each_case_and_each_test_runs_in_each_mode(ran):
    _, code, printed = ran
    assert code == 1
    assert "gradients: TensorFlow" in printed
    for mode in modes.MODES:
        assert "PASSED test_theirs.py::test_reversal[{}]".format(mode.key) in printed
        assert "PASSED test_theirs.py::test_a_fresh_graph[{}]".format(mode.key) in printed
        assert "PASSED test_theirs.py::Mine/reversal, {} · gradient_override_map".format(mode.name) in printed
        assert "FAILED test_theirs.py::Mine/wrong formula, {} · gradient_override_map".format(mode.name) in printed


def test_a_wrong_case_fails_where_python_leaves_assert_statements_out(tmp_path):
    tmp_path.joinpath("test_theirs.py").write_text(PROJECT)
    options = ["-k", "wrong", "--gradient-behaviour", modes.BEHAVIOUR]
    code, printed = run_pytest(tmp_path, "-rA", *options, PYTHONOPTIMIZE="1")
    assert code == 1
    assert "FAILED test_theirs.py::Mine/wrong formula" in printed and "PASSED" not in printed


def test_a_failure_says_way_and_code(ran):
    _, _, printed = ran
    assert "in the way: {} · gradient_override_map".format(modes.MODES[0].name) in printed
    assert "gradient=lambda x, dy: 3 * dy," in printed
    assert 'raise LookupError("not this one")' in printed


@pytest.mark.skipif(
    modes.HAS_EAGER and not _tf.tells_of_executed_ops, reason="this TensorFlow tells nobody of ops in eager mode"
)
def test_a_silent_map_is_forbidden(ran):
    _, _, printed = ran
    assert ("PASSED test_theirs.py::test_a_map" in printed) == (not modes.HAS_EAGER)
    if modes.HAS_EAGER:
        assert "SilentOverride" in printed and "test_theirs.py:" in printed


def test_the_results_are_compared(ran, capsys):
    folder, _, _ = ran
    assert compare.main([str(folder / "results"), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    (about,) = told["environments"]
    assert (about["project"], about["environment"], about["behaviour"]) == ("theirs", "planted", modes.BEHAVIOUR)
    verdicts = {case["case"]: case["environments"][0]["verdict"] for case in told["cases"]}
    assert compare.main([str(folder / "results")]) == 1
    assert "beside: gradient_override_map is right in " in capsys.readouterr().out
    assert verdicts["Mine/reversal"] == "same" and verdicts["Mine/wrong formula"] == "failed"
    assert [verdict for case, verdict in verdicts.items() if "test_theirs.py/test_reversal" in case] == ["same"]
    scaled = {case for case in verdicts if "test_scaled" in case}
    names = ["test_scaled[scale={}] · <lambda>{}".format(scale, again) for scale in (2.0, 3.0) for again in ("", " #2")]
    assert scaled == {"test_theirs.py/" + name for name in names}
    page = (folder / "results" / "report.html").read_text(encoding="utf-8")
    beside = "{} \\u00b7 tf.custom_gradient".format(modes.MODES[0].name)
    assert beside in page or not hasattr(tf, "custom_gradient")
    assert "def test_reversal(gradient_mode)" in page and 'family.case(\\n    \\"wrong formula\\"' in page


def test_what_several_processes_of_xdist_find_is_one_result(tmp_path):
    pytest.importorskip("xdist", reason="pytest-xdist is in tox.ini's environment of 2.15")
    tmp_path.joinpath("test_theirs.py").write_text(PROJECT)
    options = ["--gradient-behaviour", modes.BEHAVIOUR, "--gradient-results", "results"]
    _, printed = run_pytest(tmp_path, "-n", "2", "-k", "test_reversal", *options)
    assert "2 workers" in printed
    (path,) = tmp_path.joinpath("results").glob("*.json")
    cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
    assert set(cases["test_theirs.py/test_reversal · <lambda>"]["ways"]) >= {mode.key for mode in modes.MODES}


def test_tensorflow_is_loaded_only_when_it_is_used(tmp_path):
    tmp_path.joinpath("test_other.py").write_text(
        "import sys\n\n\ndef test_other():\n    assert 'tensorflow' not in sys.modules and 'numpy' not in sys.modules\n"
    )
    code, printed = run_pytest(tmp_path)
    assert code == 0, printed
    assert "gradients:" not in printed


def test_senseless_options_are_one_line(tmp_path):
    tmp_path.joinpath("test_mode.py").write_text("def test_mode(gradient_mode):\n    pass\n")
    code, printed = run_pytest(tmp_path, "--gradient-modes", "eagre")
    assert code != 0 and "there is no mode 'eagre'; the modes are" in printed
