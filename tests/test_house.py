"""The wings of the package import what they may, and the command line answers without loading TensorFlow."""

import ast
import os
import re
import subprocess
import sys

import pytest

import compat_grad

PACKAGE = os.path.dirname(compat_grad.__file__)

# Which wing (a folder, or a file at the top) may import which others. An import inside a function counts, too.
MAY_IMPORT = {
    # Each when it is first asked for.
    "__init__": {"_absent", "call", "keras", "legacy", "override", "saving", "strategies"},
    "__main__": {"__init__", "commands"},
    "_absent": set(),
    "_tf": set(),
    "call": {"_tf", "keras", "saving", "strategies"},  # keras: the door in `symbolic`, opened for Keras tensors only
    "commands": {"__init__", "_tf", "demo", "legacy", "matrix", "migrate", "testing"},
    "demo": {"__init__", "_tf"},
    "keras": {"_tf", "call", "override", "quoting"},
    "legacy": {"_tf", "call", "op_level", "renamed", "saving", "strategies"},
    "matrix": set(),
    "migrate": {"renamed"},
    "op_level": {"_tf", "call", "quoting", "saving", "strategies"},
    "override": {"_tf", "call", "op_level", "saving", "strategies"},
    "quoting": set(),
    "renamed": set(),
    "saving": {"_tf", "quoting"},
    "strategies": {"_tf", "quoting", "saving"},
    "testing": {"__init__", "_tf", "legacy"},  # of the library what every user has
}


def _modules():
    """Yield (wing, path) of each module of the package."""
    for folder, _, files in os.walk(PACKAGE):
        for name in sorted(files):
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                yield os.path.relpath(path, PACKAGE).split(os.sep)[0].replace(".py", ""), path


def _imported(path):
    """Yield the wings that a module imports anywhere in it."""
    with open(path) as source:
        tree = ast.parse(source.read())
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "{}: a relative import".format(path)
            names = ["{}.{}".format(node.module, alias.name) for alias in node.names]
        for name in names:
            root, _, rest = name.partition(".")
            if root == "compat_grad":
                wing = rest.partition(".")[0]
                yield wing if wing in MAY_IMPORT else "__init__"


def test_every_wing_imports_what_it_may_and_no_more():
    found = {wing: set() for wing, _ in _modules()}
    for wing, path in _modules():
        found[wing].update(other for other in _imported(path) if other != wing)
    assert set(found) == set(MAY_IMPORT)
    wrong = {wing: found[wing] - MAY_IMPORT[wing] for wing in found if found[wing] - MAY_IMPORT[wing]}
    assert wrong == {}


def test_every_wing_says_what_it_is_for_and_what_it_must_not_know():
    for wing, path in _modules():
        with open(path) as source:
            said = ast.get_docstring(ast.parse(source.read())) or ""
        assert said, path
        if os.path.basename(path) == "__init__.py" and wing != "__init__":
            assert "must" in said, path


CALL = """
import sys
from compat_grad.__main__ import main
try:
    sys.exit(main({!r}))
finally:
    assert "tensorflow" not in sys.modules
"""


@pytest.mark.parametrize("argv", [["--help"], ["--version"], ["nothing"], ["info", "--help"], ["matrix", "2.15"]])
def test_the_command_line_answers_without_loading_tensorflow(argv):
    code = CALL.format(argv)
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path))
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    assert done.returncode == (2 if argv == ["nothing"] else 0), done.stderr
    assert "compat_grad" in (done.stderr if argv == ["nothing"] else done.stdout)


def test_locks_are_those_that_a_forked_process_finds_free():
    found = set()
    for _, path in _modules():
        with open(path, encoding="utf-8") as source:
            if re.search(r"\b(threading|multiprocessing)\.R?Lock\(", source.read()):
                found.add(os.path.basename(path))
    assert found == {"threads.py"}
