"""``python -m compat_grad run``: a program as it is, or with its maps made to hold."""

import json
import multiprocessing
import os
import subprocess
import sys
import textwrap
import zipfile

import pytest
import tensorflow as tf

from compat_grad.legacy.children import Children
from tests import modes

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(HERE, "program_with_maps.py")
with open(PROGRAM) as source:
    LINE = 1 + [".gradient_override_map(" in line for line in source].index(True)
PLACE = "legacy/program_with_maps.py:{}: gradient_override_map(".format(LINE)

NEEDS_TAPES = pytest.mark.skipif(not hasattr(tf, "GradientTape"), reason="tf.GradientTape came with 1.8")


def run(*arguments):
    """Return (exit code, what the program printed, the lines on standard error) of the command."""
    paths = [path for path in sys.path if path] + [HERE]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "compat_grad", "run"] + list(arguments),
        cwd=os.path.dirname(HERE),
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(paths), CUDA_VISIBLE_DEVICES="-1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    return done.returncode, done.stdout and json.loads(done.stdout), done.stderr.strip().splitlines()


def test_in_a_graph_no_map_is_ignored_and_the_exit_code_is_the_programs():
    code, printed, errors = run("--check", PROGRAM, "--exit", "-m")
    assert code == 7
    assert printed == ["__main__", ["--exit", "-m"], "legacy", [100.0]]
    assert errors[-2:] == [
        PLACE + "{'Relu': 'Times100', 'Typo': 'Times100'})",
        "    Typo: there was no op of this type",
    ]
    assert (
        errors[-3]
        == "python -m compat_grad run --check: TensorFlow ignored none of the 1 override map that was entered."
    )


def test_python_processes_are_counted_and_others_are_not():
    children = Children()
    with children.counted():
        assert children.line() is None
        subprocess.check_call([sys.executable, "-S", "-c", ""])
        process = multiprocessing.get_context("spawn").Process(target=len, args=("",))
        process.start()
        process.join()
        subprocess.check_call(["true"])
    assert children.number == 2
    assert children.line().startswith("Not looked into: 2 Python processes that it started.")
    subprocess.check_call([sys.executable, "-S", "-c", ""])
    assert children.number == 2


@NEEDS_TAPES
def test_check_lists_what_is_ignored_by_file_and_line(eager):
    code, printed, errors = run("--check", PROGRAM, "--eager")
    assert code == 1
    assert printed[3] == [1.0] * len(printed[3])
    report = "\n".join(errors)
    assert "run --check: TensorFlow ignored 1 of the 1 override map that was entered:" in report
    assert PLACE in report
    assert "    Relu: ignored 3 times in eager mode" in report
    assert ("    Relu: ignored 1 time by the tape inside the graph" in report) == modes.HAS_FUNCTIONS


@NEEDS_TAPES
def test_honor_makes_them_hold_in_a_module(eager):
    code, printed, errors = run("--honor", "-m", "program_with_maps", "--eager", "--raise")
    assert code == 1
    assert printed[:3] == ["__main__", ["--eager", "--raise"], "tests"]
    assert printed[3] == [100.0] * len(printed[3])
    assert errors[-1] == "ValueError: of the program"
    assert not any("compat_grad/legacy" in line for line in errors)


@pytest.mark.parametrize(
    "arguments", [["nowhere.py"], ["-m", "nowhere"], ["-m", "nowhere.part"], ["-m", "tests"], [HERE]]
)
def test_what_cannot_be_run(arguments, capsys, monkeypatch):
    from compat_grad.commands import run as command

    monkeypatch.setattr(sys, "path", list(sys.path))
    assert command.main(arguments) == 2
    assert capsys.readouterr().err.startswith("python -m compat_grad run: ")


#: what a program is -> (its text, its exit code, what it prints, the last line on standard error)
PROGRAMS = {
    "ends with words": ("import sys; sys.exit('no such file')", 1, "", "no such file"),
    "ends early": ("import sys; print(1); sys.exit(); print(2)", 0, "1\n", ""),
    "has a thread": (
        """
        import threading, time
        threading.Thread(target=lambda: time.sleep(0.2) or print("the thread is done")).start()
        """,
        0,
        "the thread is done\n",
        "",
    ),
    "imports others": ("import wave; print(wave.__name__)", 0, "wave\n", ""),
    "finds no TensorFlow": (
        """
        import sys
        sys.path[:] = [path for path in sys.path if not path.endswith("-packages")]
        try:
            import tensorflow
        except ImportError as error:
            print(error)
        """,
        0,
        "No module named 'tensorflow'\n",
        "",
    ),
    "looks at itself": ("print(__name__, __package__, __spec__ and __spec__.name)", 0, None, ""),
}


@pytest.mark.parametrize("kind", ["script", "folder", "zip file", "package"])
@pytest.mark.parametrize("case", sorted(PROGRAMS))
def test_a_program_without_tensorflow_runs_as_python_runs_it(tmp_path, case, kind):
    text, code, printed, error = PROGRAMS[case]
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "__init__.py").write_text("")
    (tmp_path / "program" / "__main__.py").write_text(textwrap.dedent(text))
    with zipfile.ZipFile(str(tmp_path / "program.zip"), "w") as file:
        file.writestr("__main__.py", textwrap.dedent(text))
    which = {
        "script": [os.path.join("program", "__main__.py")],
        "folder": ["program"],
        "zip file": ["program.zip"],
        "package": ["-m", "program"],
    }[kind]
    paths = os.pathsep.join(path for path in sys.path if path)

    def told(command):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", *command],
            cwd=str(tmp_path),
            env=dict(os.environ, PYTHONPATH=paths),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
        )
        return done.returncode, done.stdout, (done.stderr.strip().splitlines() or [""])[-1]

    found = told(["-m", "compat_grad", "run", *which])
    assert found == told(which)
    assert (found[0], found[2]) == (code, error) and printed in (None, found[1])


def test_where_tensorflow_is_loaded_already_a_program_is_looked_after_at_once(tmp_path, capsys, monkeypatch):
    from compat_grad.commands import run as command

    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    (tmp_path / "program.py").write_text("print('ran')\n")
    assert command.main(["--check", str(tmp_path / "program.py")]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("ran\n", "python -m compat_grad run --check: No override map was entered.\n")
