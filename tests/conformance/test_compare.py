"""The comparison sees what it is for: faults planted in one mode, or in one environment's results, turn it red."""

import copy
import json

import numpy as np
import pytest
import tensorflow as tf

from compat_grad.commands import compare
from compat_grad.testing.case import Case, f32
from compat_grad.testing.proof import Proof
from compat_grad.testing.results import Recorder, decode
from compat_grad.testing.ways import all_ways, plain_ways

IN_MODES = [
    way
    for way in all_ways()
    if way.lacks is None and way.transformation is None and way.strategy != "tape" and way.orders == 2
]


def wrong_in(wrong_way, ulps=0):
    """Run a case with a fault planted in one way; return the recorder and the ways that failed their checks."""
    running = [None]

    def surrogate(x):
        return (-2.0 if running[0] is wrong_way else 2.0) * x

    case = Case(
        "Planted",
        "wrong in {} within {}".format(wrong_way, ulps),
        forward=lambda x: x * 1.0,
        surrogate=surrogate,
        inputs=[f32([0.5, -1.25, 3.0])],
        value=lambda x: x,
        gradient=lambda x, dy: 2 * dy,
        ulps=ulps,
    )
    recorder, failed = Recorder(**about("planted")), []
    proof = Proof(recorder)
    for way in IN_MODES:
        running[0] = way
        results = way.run(case)
        recorder.found(case, way.name, results)
        try:
            proof.check(case, way, results)
        except AssertionError:
            failed.append(way)
    return recorder, failed


def about(environment, **others):
    known = dict(environment=environment, behaviour="default", tensorflow="1.0.0", python="3", numpy="1")
    return dict(known, sources="these", seconds=1, written="2026-01-02", machine="any", **others)


def compared(directory, capsys, *options):
    """Return the exit code, what was printed, and the page."""
    code = compare.main([str(directory)] + list(options))
    with open(str(directory.join("report.html")), encoding="utf-8") as file:
        return code, capsys.readouterr().out, file.read()


def test_all_is_well_without_a_fault(tmpdir, capsys):
    recorder, failed = wrong_in(None)
    recorder.write(str(tmpdir))
    code, printed, page = compared(tmpdir, capsys)
    assert (code, failed) == (0, [])
    assert "1 environment, 1 case, {} results compared".format(3 * len(IN_MODES)) in printed
    assert "DIFFERENT" not in printed and '"problems":[]' in page


@pytest.mark.skipif(len(IN_MODES) < 2, reason="this TensorFlow has one way only")
def test_a_wrong_sign_in_one_mode_turns_tests_and_report_red(tmpdir, capsys):
    wrong = IN_MODES[-1]
    recorder, failed = wrong_in(wrong)
    assert failed == [wrong]
    recorder.write(str(tmpdir))
    code, printed, page = compared(tmpdir, capsys)
    assert code == 1
    said = "DIFFERENT  Planted/wrong in {0} within 0 · planted: {0}: the first derivative (number 0, element ["
    assert said.format(wrong) in printed
    assert ", not " in printed
    assert '"v":"different"' in page and "worlds away from those of the other ways" in page


def several_environments(directory, ulps, steps):
    """Write three environments' results, one of them with a number moved by steps."""
    recorder, _ = wrong_in(None, ulps)
    recorder.write(str(directory))
    with open(str(directory.join("planted.default.json"))) as file:
        results = json.load(file)
    for environment, moved in (("a-tf1.1", 0), ("b-tf1.2", steps), ("c-tf1.3", 0)):
        mine = copy.deepcopy(results)
        mine["about"] = about(environment)
        (case,) = mine["cases"].values()
        for coded in case["arrays"]:
            array = decode(coded).copy()
            if array.any():  # zeros may be no gradient at all in other ways
                array.view(np.int32)[0] += moved
            coded["bits"] = array.tobytes().hex()
        with open(str(directory.join(environment + ".default.json")), "w") as file:
            json.dump(mine, file)


def test_one_wrong_bit_in_one_environment_turns_the_report_red(tmpdir, capsys):
    several_environments(tmpdir, ulps=0, steps=1)
    code, printed, page = compared(tmpdir, capsys)
    assert code == 1
    differing = [line for line in printed.splitlines() if line.startswith("DIFFERENT")]
    assert differing and all("· b-tf1.2: " in line and "1 ULP away" in line for line in differing)
    assert page.count('"v":"different"') == 1 and page.count('"v":"same"') == 3


def test_ways_that_differ_by_a_bit_fail_where_none_is_allowed():
    case = Case("Planted", "a bit", function=lambda x: x * 1.5, inputs=[f32([0.5])], ulps=0, ulps_modes=0)
    one = other = next(way for way in plain_ways() if way.lacks is None)
    proof = Proof(Recorder())
    results = one.run(case)
    proof.check(case, one, results)
    moved = dict(results, first=[np.nextafter(results["first"][0], np.float32(2))])
    with pytest.raises(AssertionError, match="first: 1 ULP from the results of: {}".format(one.name)):
        proof.check(case, other, moved)


def test_a_case_that_no_way_can_run_has_nothing_to_be_held_to():
    case = Case("Planted", "not here", function=lambda x: tf.no_such_function(x), inputs=[f32([0.5])])
    recorder = Recorder()
    Proof(recorder).refer(case)
    assert "module 'tensorflow' has no attribute 'no_such_function'" not in recorder.to_text()
    assert "this TensorFlow has no tf.no_such_function" in recorder.to_text()


@pytest.mark.parametrize("steps, code", [(3, 0), (4, 1), (-4, 1)])
def test_a_stated_bound_is_held(tmpdir, capsys, steps, code):
    several_environments(tmpdir, ulps=3, steps=steps)
    assert compared(tmpdir, capsys)[0] == code


def test_a_failed_test_is_a_difference(tmpdir, capsys):
    recorder, _ = wrong_in(None)
    (case,) = [Case("Planted", "failed", value=lambda: 0, gradient=lambda dy: 0)]
    recorder.failed(case, "graph", "it broke")
    recorder.write(str(tmpdir))
    code, printed, _ = compared(tmpdir, capsys)
    assert code == 1 and "it broke" in printed


def test_of_very_many_differences_the_first_are_told(tmpdir, capsys):
    recorder, _ = wrong_in(None)
    for number in range(30):
        recorder.failed(
            Case("Planted", "failed {}".format(number), value=lambda: 0, gradient=lambda dy: 0), "graph", ""
        )
    recorder.write(str(tmpdir))
    code, printed, _ = compared(tmpdir, capsys)
    assert code == 1 and printed.count("DIFFERENT  ") == 50 and "... and 10 more\n" in printed


def test_missing_and_stale_results_are_said(tmpdir, capsys):
    recorder, _ = wrong_in(None)
    recorder.write(str(tmpdir))
    recorder.about.update(environment="old-tf1.4", sources="other", written="2026-01-01")
    recorder.write(str(tmpdir))
    code, printed, page = compared(tmpdir, capsys)
    assert code == 0 and "left out, of other sources: old-tf1.4" in printed and "old-tf1.4" in page
    tox = tmpdir.join("tox.ini")
    tox.write(
        "[tox]\nenv_list =\n    lint\n    py36-tf{1.0, 1.4}\n    planted\n\nlabels =\n    full = lint, old-tf1.{4, 5}\n"
    )
    code, printed, page = compared(tmpdir, capsys, "--tox", str(tox))
    assert code == 0 and "2 environments not run: py36-tf1.0, py36-tf1.4" in printed
    assert '"missing":["py36-tf1.0"' in page
    code, printed, page = compared(tmpdir, capsys, "--tox", str(tox), "--require-all")
    assert code == 1 and "DIFFERENT  py36-tf1.0: did not run" in printed
    code, printed, page = compared(tmpdir, capsys, "--tox", str(tox), "--label", "full", "--require-all")
    assert "DIFFERENT  old-tf1.4: did not run" in printed and "old-tf1.5: did not run" in printed


def test_results_come_from_several_places_and_go_out_as_json(tmpdir, capsys):
    recorder, _ = wrong_in(None)
    recorder.write(str(tmpdir.join("one")))
    recorder.about.update(environment="other-tf1.4")
    recorder.write(str(tmpdir.join("two")))
    page = tmpdir.join("page.html")
    code = compare.main([str(tmpdir.join("one")), str(tmpdir.join("two")), "--json", "--html", str(page)])
    told = json.loads(capsys.readouterr().out)
    assert code == 0 and page.exists()
    assert [one["environment"] for one in told["environments"]] == ["planted", "other-tf1.4"]
    assert [cell["verdict"] for cell in told["cases"][0]["environments"]] == ["same", "same"]


def test_no_results_are_no_pass(tmpdir, capsys):
    assert compare.main([str(tmpdir)]) == 2 and "no results in" in capsys.readouterr().err
    recorder, _ = wrong_in(None)
    recorder.write(str(tmpdir.join("here")))
    assert compare.main([str(tmpdir.join("here")), str(tmpdir.join("nowhere"))]) == 2
    assert "no results in {};".format(tmpdir.join("nowhere")) in capsys.readouterr().err


def test_what_cannot_be_read_is_one_line(tmpdir, capsys):
    recorder, _ = wrong_in(None)
    recorder.write(str(tmpdir))
    tox = tmpdir.join("tox.ini")
    tox.write("[tox]\nenvlist = py36-tf1.0, planted\n")
    assert compare.main([str(tmpdir), "--tox", str(tox), "--html", str(tmpdir.join("new", "page.html"))]) == 0
    assert "1 environment not run: py36-tf1.0" in capsys.readouterr().out and tmpdir.join("new", "page.html").exists()
    assert compare.main([str(tmpdir), "--tox", str(tox), "--label", "full"]) == 2
    assert "has no label 'full'" in capsys.readouterr().err
    assert compare.main([str(tmpdir), "--tox", "nowhere.ini"]) == 2 and "nowhere.ini" in capsys.readouterr().err
    tmpdir.join("other.json").write("{}")
    assert compare.main([str(tmpdir)]) == 2 and "other.json holds no results of" in capsys.readouterr().err


def test_what_several_processes_found_is_one_result(tmpdir):
    whole, _ = wrong_in(None)
    whole.about["started"] = 2.0
    together = Recorder()
    for started, rest in ((3.0, 0), (1.0, 1)):  # each has every other way, and its arrays in another order
        told = json.loads(whole.to_text())
        told["about"]["started"] = started
        (entry,) = told["cases"].values()
        entry["arrays"] = entry["arrays"][::-1] if rest else entry["arrays"]
        for number, way in enumerate(sorted(entry["ways"])):
            found = entry["ways"].pop(way)
            if number % 2 == rest:
                last = len(entry["arrays"]) - 1
                entry["ways"][way] = {
                    order: [last - n if rest and n >= 0 else n for n in found[order]] for order in found
                }
        together.absorb(json.dumps(told))
    assert together.about["started"] == 1.0
    assert results_in(together) == results_in(whole)


def results_in(recorder):
    """Return {(case, way, order): the arrays}."""
    return {
        (key, way, order): [entry["arrays"][number] for number in numbers]
        for key, entry in json.loads(recorder.to_text())["cases"].items()
        for way, results in entry["ways"].items()
        for order, numbers in results.items()
    }


def test_a_case_that_no_environment_could_run_is_no_pass(tmpdir, capsys):
    case = Case("Planted", "nowhere", value=lambda: 0, gradient=lambda dy: 0)
    recorder = Recorder(**about("planted"))
    recorder.absent(case, "graph", "no kernel")
    recorder.write(str(tmpdir))
    code, printed, page = compared(tmpdir, capsys)
    assert code == 1 and "no environment could run it" in printed and '"v":"absent"' in page
    tox = tmpdir.join("tox.ini")
    tox.write("[tox]\nenv_list =\n    py36-tf1.0\n    planted\n\n")
    assert compared(tmpdir, capsys, "--tox", str(tox))[0] == 0  # the one that did not run may be able to


def test_an_environment_without_a_case_that_others_have_is_a_difference(tmpdir, capsys):
    several_environments(tmpdir, ulps=0, steps=0)
    Recorder(**about("d-tf1.5")).write(str(tmpdir))
    code, printed, _ = compared(tmpdir, capsys)
    assert code == 1 and "d-tf1.5: no result" in printed
