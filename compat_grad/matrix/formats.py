"""Releases as a tox.ini, a GitHub Actions workflow, or a noxfile, each commented and ready to run."""

import collections

from compat_grad.matrix.releases import order

_ENVIRONMENT = [  # as TensorFlow is quietest, and gives the same bits everywhere
    ("TF_CPP_MIN_LOG_LEVEL", "2", ""),
    ("CUDA_VISIBLE_DEVICES", "-1", "no accelerator, the same results everywhere"),
    ("TF_ENABLE_ONEDNN_OPTS", "0", "oneDNN changes the last bits of results"),
]


def _name(release):
    return "py{}-tf{}".format(release.python.replace(".", ""), release.minor)


def _requirement(release):
    return "{}=={}".format(release.distribution, release.version)


# --- tox ------------------------------------------------------------------------------------------------------

_TOX = """\
# Tests against {count}, each on a Python that it was made for.
#
#   pip install tox && tox run-parallel --parallel 2     all of them, two at a time
#   tox run -e {example} -- -x{space}one; what follows "--" goes to pytest
#
# An interpreter that is not here is skipped; TOX_SKIP_MISSING_INTERPRETERS=false makes that an error (in CI).
# Written by `python -m compat_grad matrix {words}`.

[tox]
min_version = 4.20
# Makes the environments with uv, which still can for Python 3.6 and 3.7, where current virtualenv cannot.
requires = tox-uv>=1.16
skip_missing_interpreters = true
env_list =
{names}
    compare

[testenv]
# A wheel, built once and installed everywhere. A project that is no package: package = skip.
package = wheel
wheel_build_env = .pkg
deps =
    pytest
    compat_grad
{deps}
set_env =
{environment}
    # uv finds interpreters on PATH; these are pyenv's, wherever PATH has them or not.
    UV_PYTHON_SEARCH_PATH = {search_path}
{pythons}
# What the fixture gradient_mode and declared cases found goes to the environment "compare".
commands =
    pytest --gradient-results {{work_dir}}{{/}}gradients {{posargs}}
{eager}
[testenv:compare]
# The modes of each TensorFlow and the TensorFlows with each other; what did not run is grey on the page, and no
# difference (--require-all makes it an error).
package = skip
depends =
{names}
deps =
    compat_grad
commands =
    python -m compat_grad compare {{work_dir}}{{/}}gradients --tox {{tox_root}}{{/}}tox.ini
"""

_EAGER = """\
    # TensorFlow 1 is either eager or not for the whole of a process: a second run.
    tf{{{minors}}}: pytest --gradient-behaviour=eager --gradient-results {{work_dir}}{{/}}gradients {{posargs}}
"""
_EAGER_FROM, _TF2 = order("1.5"), order("2.0")


_SEARCH_PATH = "{env:UV_PYTHON_SEARCH_PATH:{env:PATH:}{:}{env:PYENV_ROOT:{env:HOME:}/.pyenv}/shims}"


def as_tox(releases, words):
    """Return the text of a tox.ini for these `Release`s; words: of the command line that asked for it."""
    by_python = collections.OrderedDict()
    for release in releases:
        by_python.setdefault(release.python, []).append(release)
    names = []
    for python, some in by_python.items():
        names.append("    py{}-tf{{{}}}".format(python.replace(".", ""), ", ".join(one.minor for one in some)))
    pins = collections.OrderedDict()
    for release in releases:
        for pin in release.pins:
            pins.setdefault(pin, []).append(release.minor)
    deps = ["    tf{}: {}".format(release.minor, _requirement(release)) for release in releases]
    deps += ["    # what those releases forgot to cap"] if pins else []
    deps += ["    tf{{{}}}: {}".format(",".join(minors), pin) for pin, minors in pins.items()]
    return _TOX.format(
        count="1 TensorFlow" if len(releases) == 1 else "{} TensorFlows".format(len(releases)),
        example=_name(releases[-1]),
        space=" " * (37 - len(_name(releases[-1]))),
        words=" ".join(words),
        names="\n".join(names),
        deps="\n".join(deps),
        environment="\n".join(_tox_variables()),
        search_path=_SEARCH_PATH,
        eager=_eager_runs(releases),
        pythons="\n".join("    py{}: PYENV_VERSION = {}".format(one.replace(".", ""), one) for one in by_python),
    )


def _eager_runs(releases):
    minors = _either_eager_or_not(releases)
    return _EAGER.format(minors=",".join(minors)) if minors else ""


def _either_eager_or_not(releases):
    """Return the TensorFlows whose processes are eager or not for good: their tests run twice."""
    return [release.minor for release in releases if _EAGER_FROM <= order(release.minor) < _TF2]


def _tox_variables():
    for name, value, why in _ENVIRONMENT:
        if why:
            yield "    # {}".format(why)
        yield "    {} = {}".format(name, value)


# --- GitHub Actions -------------------------------------------------------------------------------------------

_GITHUB = """\
# Tests against {count}, each on a Python that it was made for, as .github/workflows/tests.yml.
# Written by `python -m compat_grad matrix {words} --format github`.
name: tests
on: [push, pull_request]
jobs:
  tests:
    name: TensorFlow ${{{{ matrix.tensorflow }}}}
    runs-on: ubuntu-22.04
    strategy:
      fail-fast: false
      matrix:
        include:
{rows}
    env:
{environment}
    steps:
      - uses: actions/checkout@v4
      # uv still makes environments of Python 3.6 and 3.7, and downloads interpreters from 3.8 on.
      - uses: astral-sh/setup-uv@v5
{old_pythons}      - run: uv venv --python ${{{{ matrix.python }}}} .venv
      - run: uv pip install --python .venv . pytest compat_grad ${{{{ matrix.requirements }}}}
      # What the fixture gradient_mode and declared cases found goes to the job "compare".
      - run: .venv/bin/python -m pytest --gradient-results gradients
{eager}      - if: always()
        uses: actions/upload-artifact@v4
        with:
          name: gradients-${{{{ matrix.tensorflow }}}}
          path: gradients
          if-no-files-found: ignore

  # The modes of each TensorFlow and the TensorFlows with each other; the page is an artifact of the run.
  compare:
    needs: tests
    if: always()
    runs-on: ubuntu-22.04
    steps:
      - uses: actions/download-artifact@v4
        with:
          path: gradients
          pattern: gradients-*
          merge-multiple: true
      - uses: astral-sh/setup-uv@v5
      - run: uv run --no-project --with compat_grad python -m compat_grad compare gradients
      - if: always()
        uses: actions/upload-artifact@v4
        with:
          name: report
          path: gradients/report.html
"""
_GITHUB_EAGER = """\
      # TensorFlow 1 is either eager or not for the whole of a process: a second run.
      - if: contains(fromJSON('[{minors}]'), matrix.tensorflow)
        run: .venv/bin/python -m pytest --gradient-behaviour=eager --gradient-results gradients
"""
_OLD_PYTHONS = """\
      # Python 3.6 and 3.7 come from conda-forge, which keeps them.
      - if: matrix.python == '3.6' || matrix.python == '3.7'
        run: |
          conda create --quiet --yes --prefix "$HOME/old" --channel conda-forge python=${{ matrix.python }}
          echo "$HOME/old/bin" >> "$GITHUB_PATH"
"""


def as_github(releases, words):
    """Return the text of a GitHub Actions workflow for these `Release`s."""
    rows = []
    for release in releases:
        requirements = " ".join(["'{}'".format(one) for one in [_requirement(release)] + release.pins])
        rows.append(
            '          - {{ tensorflow: "{}", python: "{}", requirements: "{}" }}'.format(
                release.minor, release.python, requirements
            )
        )
    old = any(release.python in ("3.6", "3.7") for release in releases)
    twice = _either_eager_or_not(releases)
    return _GITHUB.format(
        count="1 TensorFlow" if len(releases) == 1 else "{} TensorFlows".format(len(releases)),
        words=" ".join(words),
        rows="\n".join(rows),
        environment="\n".join('      {}: "{}"'.format(name, value) for name, value, _ in _ENVIRONMENT),
        old_pythons=_OLD_PYTHONS if old else "",
        eager=_GITHUB_EAGER.format(minors=", ".join('"{}"'.format(one) for one in twice)) if twice else "",
    )


# --- nox ------------------------------------------------------------------------------------------------------

_NOX = '''\
"""Tests against {count}, each on a Python that it was made for.

    pip install nox uv && nox      all of them
    nox -k "{example}" -- -x{space}one; what follows "--" goes to pytest

Written by `python -m compat_grad matrix {words} --format nox`.
"""

import nox

nox.options.default_venv_backend = "uv"  # still makes environments of Python 3.6 and 3.7

RELEASES = {{  # TensorFlow -> (Python, requirements)
{rows}
}}
ENVIRONMENT = {{
{environment}
}}


@nox.session
@nox.parametrize("python,tensorflow", [(RELEASES[minor][0], minor) for minor in RELEASES])
def tests(session, tensorflow):
    session.install(".", "pytest", "compat_grad", *RELEASES[tensorflow][1])
    # What the fixture gradient_mode and declared cases found goes to the session "compare".
    session.run("pytest", "--gradient-results", "gradients", *session.posargs, env=ENVIRONMENT)
{eager}

@nox.session
def compare(session):
    """The modes of each TensorFlow and the TensorFlows with each other: gradients/report.html."""
    session.install("compat_grad")
    session.run("python", "-m", "compat_grad", "compare", "gradients")
'''

_NOX_EAGER = """\
    if tensorflow in ({minors},):  # either eager or not for the whole of a process: a second run
        eager = ["--gradient-behaviour=eager", "--gradient-results", "gradients"]
        session.run("pytest", *eager, *session.posargs, env=ENVIRONMENT)
"""


def as_nox(releases, words):
    """Return the text of a noxfile.py for these `Release`s."""
    rows = []
    for release in releases:
        requirements = ", ".join('"{}"'.format(one) for one in [_requirement(release)] + release.pins)
        rows.append('    "{}": ("{}", [{}]),'.format(release.minor, release.python, requirements))
    twice = _either_eager_or_not(releases)
    return _NOX.format(
        count="1 TensorFlow" if len(releases) == 1 else "{} TensorFlows".format(len(releases)),
        example=releases[-1].minor,
        space=" " * (16 - len(releases[-1].minor)),
        words=" ".join(words),
        rows="\n".join(rows),
        environment="\n".join('    "{}": "{}",'.format(name, value) for name, value, _ in _ENVIRONMENT),
        eager=_NOX_EAGER.format(minors=", ".join('"{}"'.format(one) for one in twice)) if twice else "",
    )


FORMATS = collections.OrderedDict([("tox", as_tox), ("github", as_github), ("nox", as_nox)])
