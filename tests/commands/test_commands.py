"""The command line says what there is, and says so in one line where there is no TensorFlow."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import compat_grad
from compat_grad import _tf, demo
from compat_grad.__main__ import main
from tests import modes
from tests.processes import where_compat_grad_is


def run(capsys, *argv):
    """Run a command line; return (exit code, what it printed, what it complained)."""
    try:
        code = main(argv)
    except SystemExit as end:  # how argparse leaves
        code = end.code
    return (code,) + tuple(capsys.readouterr())


@pytest.fixture
def without_tensorflow(monkeypatch):
    """Make ``import tensorflow`` fail as if none were installed."""
    monkeypatch.setitem(sys.modules, "tensorflow", None)


# --- info -----------------------------------------------------------------------------------------------------


def test_info_tells_the_versions_and_the_mode(capsys):
    code, printed, _ = run(capsys, "info")
    assert code == 0
    rows = dict(line.split(None, 1) for line in printed.split("\n\n")[0].splitlines())
    assert rows == {
        "compat_grad": compat_grad.__version__,
        "TensorFlow": tf.__version__,
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "mode": "eager" if modes.HAS_EAGER else "graph",
    }


def test_info_tells_each_strategy_or_why_it_cannot_be_had(capsys):
    available = compat_grad.available_strategies()
    printed = run(capsys, "info")[1]
    here = printed.split("\n\n")[1].splitlines()
    assert here[0] == "strategies in {} mode:".format("eager" if modes.HAS_EAGER else "graph")
    told = dict(line.split(None, 1) for line in here[1:])
    assert [line.split()[0] for line in here[1 : 1 + len(available)]] == list(available)
    assert all(told[name].startswith("available") for name in available)
    assert {name: told[name] for name in available.unavailable} == {
        name: "not here: " + reason for name, reason in available.unavailable.items()
    }


def test_info_names_what_this_tensorflow_has_not(capsys, monkeypatch):
    monkeypatch.setitem(_tf.looked_up, "record_operation", False)
    monkeypatch.setitem(_tf.looked_up, "stop_recording", True)
    told = run(capsys, "info")[1].split("not found in this TensorFlow")[1]
    assert "record_operation" in told and "eager calls go by tf.custom_gradient" in told
    assert "stop_recording" not in told


def test_info_knows_the_cost_of_each_name_that_is_looked_up(monkeypatch):
    for name in _tf.looked_up:
        monkeypatch.setitem(_tf.looked_up, name, False)
    assert set(_tf.missing()) <= set(_tf.looked_up) and len(_tf.missing()) > 20


def test_info_marks_the_one_strategy_that_auto_picks(capsys):
    blocks = [block for block in run(capsys, "info")[1].split("\n\n") if block.startswith("strategies")]
    assert blocks
    for block in blocks:
        marked = [line.split()[0] for line in block.splitlines() if '"auto" picks it' in line]
        assert marked == ["tape" if "in eager mode:" in block else "gradient_override_map"]


def test_info_of_an_eager_process_tells_about_graphs_too(capsys, functions):
    assert "strategies inside graphs and functions:" in run(capsys, "info")[1]


def test_info_inside_a_graph_tells_about_that_graph(capsys, graph):
    printed = run(capsys, "info")[1]
    assert '\nstrategies in graph mode:\n  gradient_override_map  available; "auto" picks it\n' in printed
    assert "  tape                   not here: it works in eager mode only" in printed
    assert "eager mode:" not in printed


# --- the rest of the command line -----------------------------------------------------------------------------


def test_demo_gets_its_arguments_as_they_are_and_its_exit_code_is_ours(capsys, monkeypatch):
    seen = []
    monkeypatch.setattr(demo, "main", lambda argv: seen.append(argv) or 7)
    assert run(capsys, "demo", "--epochs", "1", "--help", "--version")[0] == 7
    assert seen == [["--epochs", "1", "--help", "--version"]]


@pytest.mark.parametrize("argv", [["--help"], ["-h"]])
def test_help_names_the_commands(capsys, argv):
    code, printed, _ = run(capsys, *argv)
    assert code == 0
    assert "usage: python -m compat_grad" in printed
    assert "info" in printed and "demo" in printed


def test_version(capsys):
    assert run(capsys, "--version")[:2] == (0, "compat_grad {}\n".format(compat_grad.__version__))


@pytest.mark.parametrize("argv", [[], ["inof"], ["info", "--loud"], ["info", "extra"]])
def test_a_senseless_command_line_is_refused_with_the_usage(capsys, argv):
    code, printed, complaint = run(capsys, *argv)
    assert (code, printed) == (2, "")
    assert complaint.startswith("usage: python -m compat_grad")


# --- without TensorFlow ---------------------------------------------------------------------------------------

ONE_LINE = (
    "python -m compat_grad: TensorFlow is not installed. Install the one that you work with: pip install tensorflow\n"
)


def run_without_tensorflow(tmp_path, *argv):
    """Run ``python -m compat_grad`` in a process of its own, where tensorflow is a package that is not there."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['tensorflow'] = None\n")
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(tmp_path)] + where_compat_grad_is()))
    return subprocess.run(
        [sys.executable, "-m", "compat_grad"] + list(argv),
        cwd=str(tmp_path),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )


def test_without_tensorflow_a_process_says_one_line_and_ends_with_2(tmp_path):
    done = run_without_tensorflow(tmp_path, "info")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", ONE_LINE)


def test_without_tensorflow_the_process_still_tells_its_version(tmp_path):
    done = run_without_tensorflow(tmp_path, "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, "compat_grad {}\n".format(compat_grad.__version__), "")


def test_without_tensorflow_a_public_name_says_so_when_it_is_used(monkeypatch, without_tensorflow):
    monkeypatch.delitem(vars(compat_grad), "override_gradient", raising=False)
    with pytest.raises(ImportError, match="there is none: pip install tensorflow"):
        compat_grad.override_gradient(len, len)
    del compat_grad.override_gradient  # which it has kept


def test_a_tensorflow_that_misses_something_else_is_not_taken_for_none(monkeypatch, tmp_path):
    (tmp_path / "tensorflow.py").write_text("import what_this_tensorflow_needs\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "tensorflow")
    monkeypatch.delitem(vars(compat_grad), "override_gradient", raising=False)
    with pytest.raises(ImportError, match="what_this_tensorflow_needs"):
        compat_grad.override_gradient(len, len)


def test_a_command_that_cannot_import_anything_else_is_not_about_tensorflow(monkeypatch):
    def broken(argv):
        raise ImportError("no such thing", name="thing")

    monkeypatch.setattr(demo, "main", broken)
    with pytest.raises(ImportError, match="no such thing"):
        main(["demo"])


@pytest.mark.parametrize("name", ["tensorflow", "compat_grad"])
def test_a_demo_that_misses_tensorflow_says_one_line_too(capsys, monkeypatch, without_tensorflow, name):
    def broken(argv):
        raise ImportError("cannot import it", name=name)

    monkeypatch.setattr(demo, "main", broken)
    assert run(capsys, "demo") == (2, "", ONE_LINE)
