"""`python -m compat_grad matrix` writes what installs: our own tox.ini is held against the same list. No TensorFlow."""

import ast
import configparser
import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest

from compat_grad.__main__ import main
from compat_grad.matrix.choice import choose
from compat_grad.matrix.formats import as_github, as_nox, as_tox
from compat_grad.matrix.releases import RELEASES

ROOT = Path(__file__).resolve().parent.parent.parent


def read(text):
    """Return (environment names, dependencies of each TensorFlow's factor) of a tox.ini."""
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    names = [name for line in parser["tox"]["env_list"].split("\n") for name in expand(line.strip()) if "-tf" in name]
    requirements = {}
    for line in parser["testenv"]["deps"].split("\n"):
        found = re.match(r"(tf\S+): (\S+)$", line)
        for factor in expand(found.group(1)) if found else ():
            requirements.setdefault(factor, []).append(found.group(2))
    return names, requirements


def expand(pattern):
    """Return the names that a pattern of tox's with braces stands for."""
    parts = re.split(r"\{([^}]*)\}", pattern)
    choices = [part.replace(" ", "").split(",") if index % 2 else [part] for index, part in enumerate(parts)]
    return ["".join(one) for one in itertools.product(*choices)]


def name_of(release):
    return "py{}-tf{}".format(release.python.replace(".", ""), release.minor)


def test_our_own_tox_ini_says_what_the_list_says():
    text = (ROOT / "tox.ini").read_text(encoding="utf-8")
    full = re.search(r"^    full = (.*)$", text, re.MULTILINE).group(1)
    named = [name for part in re.split(r", (?![^{]*\})", full) for name in expand(part) if "-tf" in name]
    assert named == [name_of(release) for release in RELEASES.values()]
    _, requirements = read(text)
    assert set(requirements) == {"tf" + minor for minor in RELEASES}
    for minor, release in RELEASES.items():
        found = [one for one in requirements["tf" + minor] if not one.startswith("tf_keras")]
        assert sorted(found) == sorted(["{}=={}".format(release.distribution, release.version)] + release.pins), minor


@pytest.mark.parametrize("words", [["2.15"], ["1.15", "2.4", "2.15", "2.22"], ["all"]])
def test_a_tox_ini_names_each_release_with_its_python_and_its_pins(words):
    releases = choose(words)
    names, requirements = read(as_tox(releases, words))
    assert names == [name_of(release) for release in releases]
    assert requirements == {
        "tf" + one.minor: ["{}=={}".format(one.distribution, one.version)] + one.pins for one in releases
    }


def test_a_tox_ini_ends_with_the_comparison_and_runs_tensorflow_1_twice():
    parser = configparser.RawConfigParser()
    parser.read_string(as_tox(choose(["1.4", "1.12", "1.15", "2.15"]), ["1.4"]))
    runs = parser["testenv"]["commands"].strip().split("\n")
    assert [run.split(": ")[0] for run in runs if "--gradient-behaviour=eager" in run] == ["tf{1.12,1.15}"]
    assert all("--gradient-results {work_dir}{/}gradients" in run for run in runs if not run.startswith("#"))
    assert "compat_grad compare {work_dir}{/}gradients" in parser["testenv:compare"]["commands"]
    assert parser["testenv:compare"]["depends"] == parser["tox"]["env_list"].rpartition("\n")[0]


@pytest.mark.parametrize(
    "words, minors",
    [
        (["2.15"], ["2.15"]),
        (["2.15.0"], ["2.15"]),
        (["2.22", "1.9", "1.10"], ["1.9", "1.10", "2.22"]),
        (["1.14..2.1"], ["1.14", "1.15", "2.0", "2.1"]),
        (["..1.2", "2.21.."], ["1.0", "1.1", "1.2", "2.21", "2.22"]),
        (["2.4", "2.3..2.5"], ["2.3", "2.4", "2.5"]),
    ],
)
def test_versions_and_ranges_are_taken_in_order_and_once(words, minors):
    assert [release.minor for release in choose(words)] == minors


@pytest.mark.parametrize(
    "word, nearest", [("1.16", "1.15"), ("2.99", "2.22"), ("3.1", "2.22"), ("latest", ""), ("2.4..2.99", "2.22")]
)
def test_an_unknown_version_is_refused_in_one_line_with_the_nearest_named(word, nearest, capsys):
    assert main(["matrix", "2.15", word]) == 2
    printed, complaint = capsys.readouterr()
    assert printed == "" and complaint.count("\n") == 1
    assert "nearest is {}".format(nearest) in complaint


def test_a_range_the_wrong_way_round_is_refused(capsys):
    assert main(["matrix", "2.15..2.4"]) == 2
    assert "from the older to the newer" in capsys.readouterr().err


def test_a_workflow_has_a_row_for_each_release():
    yaml = pytest.importorskip("yaml", reason="PyYAML is in tox.ini's environments pyXY-migrate")
    releases = choose(["1.15", "2.4", "2.22"])
    jobs = yaml.safe_load(as_github(releases, ["1.15", "2.4", "2.22"]))["jobs"]
    job = jobs["tests"]
    rows = job["strategy"]["matrix"]["include"]
    assert [(row["tensorflow"], row["python"]) for row in rows] == [("1.15", "3.7"), ("2.4", "3.8"), ("2.22", "3.13")]
    assert rows[0]["requirements"] == "'tensorflow==1.15.5' 'protobuf<3.21'"
    eager = [step for step in job["steps"] if "--gradient-behaviour=eager" in step.get("run", "")]
    assert [step["if"] for step in eager] == ["contains(fromJSON('[\"1.15\"]'), matrix.tensorflow)"]
    assert jobs["compare"]["needs"] == "tests"
    assert any("compat_grad compare gradients" in step.get("run", "") for step in jobs["compare"]["steps"])


def test_a_noxfile_has_a_session_for_each_release(tmp_path):
    releases = choose(["1.15", "2.4", "2.22"])
    text = as_nox(releases, ["1.15", "2.4", "2.22"])
    assignments = [one for one in ast.parse(text).body if isinstance(one, ast.Assign)]
    (table,) = [one.value for one in assignments if getattr(one.targets[0], "id", None) == "RELEASES"]
    assert ast.literal_eval(table) == {
        one.minor: (one.python, ["{}=={}".format(one.distribution, one.version)] + one.pins) for one in releases
    }
    pytest.importorskip("nox", reason="nox is of Python 3.10 and later, in tox.ini's environments pyXY-migrate")
    (tmp_path / "noxfile.py").write_text(text)
    command = [sys.executable, "-m", "nox", "--list"]
    listed = subprocess.check_output(command, cwd=str(tmp_path), universal_newlines=True)
    for one in releases:
        assert "tests(python='{}', tensorflow='{}')".format(one.python, one.minor) in listed
    assert "* compare" in listed


def test_the_command_prints_what_was_asked_for(capsys):
    assert main(["matrix", "2.4", "2.15", "--format", "nox"]) == 0
    assert capsys.readouterr().out == as_nox(choose(["2.4", "2.15"]), ["2.4", "2.15"])
