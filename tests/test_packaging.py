"""What is tested is what would be shipped, on the Python and the TensorFlow that the environment's name says.

Of TensorFlow this file imports nothing at the top: the ``dist`` environment runs it without one.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = os.environ.get("COMPAT_GRAD_ENV", "")
DIST = os.environ.get("COMPAT_GRAD_DIST")

in_the_matrix = pytest.mark.skipif("-tf" not in ENVIRONMENT, reason="for tox.ini's environments pyXY-tfA.B")
in_the_dist_environment = pytest.mark.skipif(DIST is None, reason="for tox.ini's environment dist")


@in_the_matrix
def test_the_environment_holds_the_python_and_the_tensorflow_it_is_named_after():
    import tensorflow as tf

    tf_minor = ".".join(tf.__version__.split(".")[:2])
    found = "py{}{}-tf{}".format(sys.version_info[0], sys.version_info[1], tf_minor)
    assert found == ENVIRONMENT


@in_the_matrix
def test_the_wheel_is_tested_and_not_the_checkout():
    import compat_grad

    assert ROOT / "compat_grad" not in Path(compat_grad.__file__).resolve().parents


@in_the_matrix
def test_the_wheel_ships_its_types_and_asks_for_numpy_alone():
    import compat_grad

    package = Path(compat_grad.__file__).parent
    for name in ("py.typed", "__init__.pyi", "keras/__init__.pyi", "testing/__init__.pyi", "testing/page.html"):
        assert (package / name).is_file(), name
    (metadata,) = package.parent.glob("compat_grad-*.dist-info/METADATA")
    fields = metadata.read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    assert "Version: " + compat_grad.__version__ in fields
    assert "Requires-Python: >=3.6" in fields
    required = [f.split(": ")[1] for f in fields if f.startswith("Requires-Dist: ") and "extra ==" not in f]
    assert [re.match(r"[\w-]+", r).group() for r in required] == ["numpy"]


def test_ci_runs_the_test_command_of_the_readme():
    (command,) = re.findall(r"^tox .*$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)
    assert command in (ROOT / "README.md").read_text(encoding="utf-8")


@in_the_dist_environment
@pytest.mark.parametrize("version", ["3.6", "3.13"])
@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_the_oldest_and_the_newest_python_install_it_with_pip_alone(kind, version, tmp_path):
    (archive,) = Path(DIST).glob(kind)
    python = str(make_bare_environment(version, tmp_path / "bare"))
    run(python, "-m", "pip", "install", "--quiet", str(archive))
    run(python, "-m", "pip", "check")
    find = "import importlib.util as u; print(u.find_spec('compat_grad').submodule_search_locations[0])"
    package = Path(run(python, "-c", find, cwd=str(tmp_path)))
    assert (package / "py.typed").is_file()
    assert modules_of(package) == modules_of(ROOT / "compat_grad")
    run(python, "-m", "compileall", "-q", "-f", str(package))


def modules_of(package):
    return sorted(str(path.relative_to(package)) for path in package.rglob("*.py"))


def make_bare_environment(version, path):
    """Make an environment that holds pip and nothing else, and return its Python."""
    environment = dict(os.environ, PYENV_VERSION=version)
    environment.pop("VIRTUAL_ENV", None)
    made = subprocess.run(
        ["uv", "venv", "--quiet", "--seed", "--python", version, "--python-preference", "system", str(path)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    if made.returncode != 0:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(f"no Python {version} here: {made.stdout}")
    return path / ("Scripts" if os.name == "nt" else "bin") / "python"


def run(*command, cwd=None):
    """Run a command that must succeed, and return what it prints."""
    done = subprocess.run(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.strip()
