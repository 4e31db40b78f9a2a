"""Somebody else's project, tested as docs/testing.md says: its tox.ini by one command, green; a wrong sign, red.

For the environment ``outside`` of tox.ini, which has built the wheel; of TensorFlow this imports nothing.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

WHEELS = os.environ.get("COMPAT_GRAD_OUTSIDE")
TENSORFLOWS = ["1.15", "2.4", "2.22"]
NOT_EAGER = ["graph", "tape_outside", "tape_inside", "gradients_inside", "jit"]
CASE = "tests/test_gradrev.py/test_reversal"

pytestmark = pytest.mark.skipif(WHEELS is None, reason="for tox.ini's environment outside")


def run(folder, *command):
    """Return (exit code, all that it printed) of a command in a folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COMPAT_GRAD", "TOX_"))}
    environment.update(UV_FIND_LINKS=WHEELS, TOX_SKIP_MISSING_INTERPRETERS="false", PYTHONIOENCODING="utf-8")
    done = subprocess.run(
        command, cwd=str(folder), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    )
    return done.returncode, done.stdout


def tox(folder, *arguments):
    """Run tox in a folder."""
    return run(folder, sys.executable, "-m", "tox", *arguments)


def compared(folder):
    """Return what `compare --json` says, and its exit code."""
    command = [sys.executable, "-m", "compat_grad", "compare", ".tox/gradients", "--tox", "tox.ini", "--json"]
    code, printed = run(folder, *command)
    return code, json.loads(printed)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The folder of the project with its tox.ini, after tox has run it: (folder, exit code, what tox printed)."""
    folder = tmp_path_factory.mktemp("outside") / "gradrev"
    shutil.copytree(str(Path(__file__).parent / "project"), str(folder))
    code, printed = run(folder, sys.executable, "-m", "compat_grad", "matrix", *TENSORFLOWS)
    assert code == 0, printed
    (folder / "tox.ini").write_text(printed, encoding="utf-8")
    return (folder,) + tox(folder, "run-parallel", "--parallel", "2")


def test_the_project_is_green_on_each_tensorflow(project):
    folder, code, printed = project
    assert code == 0, printed
    code, told = compared(folder)
    assert code == 0
    assert {environment["tensorflow"].rpartition(".")[0] for environment in told["environments"]} == set(TENSORFLOWS)
    (case,) = [case for case in told["cases"] if CASE in case["case"]]
    assert {each["verdict"] for each in case["environments"]} == {"same"}


def test_its_page_shows_the_case_in_each_mode(project):
    folder, _, _ = project
    page = (folder / ".tox" / "gradients" / "report.html").read_text(encoding="utf-8")
    for word in ("gradrev", "test_reversal", "2.22.0", "tape_inside"):
        assert word in page


def test_a_sign_that_is_wrong_in_one_mode_is_found_there(project):
    folder, _, _ = project
    source = folder / "gradrev.py"
    source.write_text(
        source.read_text(encoding="utf-8").replace(
            "    return -2.0 * dy\n", "    if tf.executing_eagerly():\n        return 2.0 * dy\n    return -2.0 * dy\n"
        ),
        encoding="utf-8",
    )
    code, printed = tox(folder, "run", "-e", "py313-tf2.22")
    assert code != 0
    failed = {line.split()[1] for line in printed.splitlines() if line.startswith("FAILED")}
    assert "tests/test_gradrev.py::test_reversal[eager]" in failed
    assert not failed.intersection("tests/test_gradrev.py::test_reversal[{}]".format(mode) for mode in NOT_EAGER)
    code, told = compared(folder)
    assert code == 1
    (eager,) = [problem for problem in told["problems"] if ": eager: " in problem]
    assert CASE in eager and "the first derivative (number 0, element [0]: 2.0, not -2.0) is worlds away" in eager
    assert not [problem for problem in told["problems"] if any(": {}: ".format(mode) in problem for mode in NOT_EAGER)]
