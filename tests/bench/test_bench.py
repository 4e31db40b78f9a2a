"""The benchmark runs, its figures are there, and contenders that do not compute the same are found out. No timing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from tests import modes
from tests.bench import contest, figures, report, targets
from tests.bench.figures import LIMIT, OURS, THEIRS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent.parent
HAS_FUNCTIONS = hasattr(tf, "function")


def _quick_run(directory, *options):
    """Return what a quick run of the benchmark writes for this TensorFlow."""
    if modes.BEHAVIOUR != "default":
        pytest.skip("the benchmark runs in modes of its own: once is enough")
    environment = os.environ.get("COMPAT_GRAD_ENV")
    if environment and "-e {} ".format(environment) not in (ROOT / "tox.ini").read_text():
        pytest.skip("tox -e bench does not measure this TensorFlow")
    if not hasattr(tf, "custom_gradient"):
        pytest.skip("this TensorFlow has no tf.custom_gradient to compare with (it came with 1.7)")
    command = [sys.executable, "-m", "tests.bench", "--quick", "--to", str(directory), *options]
    subprocess.check_call(command, cwd=str(ROOT))
    (each,) = report.read(str(directory))
    return each


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """All that the benchmark measures unless it is asked for a part."""
    return _quick_run(tmp_path_factory.mktemp("bench"))


def test_every_target_has_its_figures(measured):
    found = {(target.what, target.key) for target, _, _ in targets.judged(measured["figures"])}
    expected = {
        (target.what, target.key) for target in targets.TARGETS if HAS_FUNCTIONS or "function" not in target.what
    }
    assert {pair for pair in expected if "jit_compile" not in pair[0]} <= found  # XLA came to tf.function with 2.1


def test_every_figure_has_every_contender_that_can_do_it(measured):
    for figure in measured["figures"]:
        assert figure["median"][OURS] is not None
        if figure["problem"] == "scalar, one input":
            rivals = {OURS, THEIRS, LIMIT} if figure["what"] != "eager call over forward" else {OURS}
            assert rivals <= set(figure["median"]), figure["what"]


@pytest.mark.skipif(not HAS_FUNCTIONS, reason="this TensorFlow has no tf.function (it came with 1.14)")
@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("--scale", {"value and gradient", "tracing, per call", "made, called and kept"}),
        ("--models", {"model step", "model graph ops"}),
    ],
)
def test_a_part_that_is_asked_for_has_its_figures(part, expected, tmp_path):
    figures = _quick_run(tmp_path, part)["figures"]
    assert expected <= {figure["what"] for figure in figures}
    for figure in figures:
        assert {OURS, LIMIT} <= set(figure["median"]), figure["what"]


def test_the_table_shows_what_was_measured(measured):
    lines = report.table([measured])
    assert any(line.startswith("eager call (scalar, one input)") for line in lines)
    assert measured["tensorflow"] in lines[0]


@pytest.mark.parametrize(
    ("name", "values", "gradients"),
    [(THEIRS, [1.0], [3.0]), (THEIRS, [2.0], [2.0]), (LIMIT, [1.0], [2.0]), (LIMIT, [1.5], [3.0])],
    ids=["another gradient", "another value", "a limit that the override does not differ from", "another limit"],
)
def test_contenders_that_are_not_equal_are_not_timed(name, values, gradients):
    results = {OURS: ([1.0], [2.0]), THEIRS: ([1.0], [2.0]), LIMIT: ([1.0], [3.0])}
    contest.check_equal("a problem", results)
    with pytest.raises(contest.Unequal, match=name):
        contest.check_equal("a problem", dict(results, **{name: (values, gradients)}))


def test_a_contender_that_lost_its_override_is_found_out():
    """Of a whole contest, run as it is before anything is timed."""

    def run(contender):
        return contender(3.0)

    equal = contest.Contest("a problem", {OURS: lambda x: ([x], [x]), LIMIT: lambda x: ([x], [1.0])}, (), [], [], 0.0)
    assert set(contest.able_and_equal(equal, run)) == {OURS, LIMIT}
    lost = equal._replace(contenders={OURS: lambda x: ([x], [1.0]), LIMIT: lambda x: ([x], [1.0])})
    with pytest.raises(contest.Unequal):
        contest.able_and_equal(lost, run)


def test_a_ratio_is_taken_within_each_round():
    figure = figures.Figure("call", "a problem", "s", {OURS: [1.0, 10.0, 2.0], THEIRS: [2.0, 20.0, 4.0]})
    assert figure.to_rival() == 0.5
    assert figure.to_limit() is None
