"""What the tools for tests say of two results, of a statement's source and of a project, in each of their cases."""

import collections
import sys

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import testing
from compat_grad.testing import about as told_about
from compat_grad.testing import case as cases  # of a catalogue itself pytest would make tests
from compat_grad.testing import (
    check,
    code,
    composites,
    made_by,
    mismatch,
    mode,
    process,
    results,
    structures,
    transformations,
    verdicts,
)
from compat_grad.testing.call import in_dtype
from compat_grad.testing.case import Case, Family
from compat_grad.testing.verify import Check

X = np.float32([1.0, 2.0])

PAIRS = [  # (found, expected, what is said of them)
    (X, np.float32([1.0, 3.0]), ["Worst element: [1] 2.0 of one, 3.0 of other", "Mismatched elements: 1 / 2 (50%)"]),
    (X, np.float32([[1.0, 2.0]]), ["(shapes (2,) and (1, 2), dtypes float32 and float32)"]),
    (X, X.astype(np.float64), ["(shapes (2,) and (2,), dtypes float32 and float64)"]),
    (X[:0], X[:0], [" one: shape (0,), float32"]),
    (None, X, [" one: no gradient (None)", " other: shape (2,), float32"]),
]


@pytest.mark.parametrize("found, expected, said", PAIRS)
def test_two_arrays_that_differ(found, expected, said):
    text = mismatch.mismatch("the title", found, expected, ("one", "other"), "the bits")
    assert text.splitlines()[1:3] == ["the title", "held to: the bits"]
    assert [words for words in said if words not in text] == []
    assert ("Worst" in text) == ("Worst" in said[0])


LISTS = [  # (arrays, others, where they are furthest apart)
    ([X], [X, X], "1 arrays, not 2"),
    ([X, None], [X, X], "number 1: no gradient, not one"),
    ([X, X], [X, None], "number 1: one, not no gradient"),
    ([X], [X[:1]], "number 0: shape (2,), float32, not shape (1,), float32"),
    ([X, X], [X, np.float32([1.0, -2.0])], "number 1, element [1]: 2.0, not -2.0"),
]


@pytest.mark.parametrize("arrays, others, said", LISTS)
def test_two_lists_of_arrays_that_differ(arrays, others, said):
    assert mismatch.worst_of(arrays, others) == said


def test_what_is_of_another_shape_or_number_is_not_close():
    case = Case("words", "close", forward=None, backward=None, inputs=[X])
    assert check.is_close(case, X, X) and not check.is_close(case, X, X[:1])
    assert check.distance([X], [X]) == 0 and check.distance([X], [X, X]) == check.INCOMPARABLE


def test_where_there_is_no_source_of_a_call_there_is_no_text(tmp_path):
    path = tmp_path / "program.py"
    path.write_text("family.case(\n    1,\n)\nother()\n")
    assert code.call_around(str(path), 3, "case") == "family.case(\n    1,\n)"
    assert code.call_around(str(path), 3, "other") == code.call_around(str(tmp_path / "none.py"), 1, "case") == ""
    broken = tmp_path / "broken.py"
    broken.write_text("family.case(\n")
    assert code.call_around(str(broken), 1, "case") == ""


def test_two_cases_have_two_names():
    family = Family("family of test_words")
    try:
        family.case("one", forward=None, backward=None, inputs=[X])
        with pytest.raises(ValueError, match="two cases are called 'family of test_words/one'"):
            family.case("one", forward=None, backward=None, inputs=[X])
        assert len(family.cases()) == 1
    finally:
        cases.CATALOGUE.pop("family of test_words/one", None)


def test_a_result_of_texts_comes_out_of_a_file_as_it_went_in():
    recorder, texts = results.Recorder(), np.array([["a", "b"]], object)
    arrays = []
    assert results._store(arrays, texts) == 0 and results._store(arrays, None) == -1
    assert results.decode(arrays[0]).tolist() == [["a", "b"]]
    assert recorder.to_text()


def test_a_file_that_holds_no_results_is_named(tmp_path):
    path = tmp_path / "results.json"
    path.write_text("{")
    with pytest.raises(ValueError, match="results.json holds no results"):
        results.load(str(path))


def test_a_project_is_called_as_it_calls_itself_or_as_its_folder(tmp_path, monkeypatch):
    assert told_about._project(str(tmp_path)) == tmp_path.name
    (tmp_path / "pyproject.toml").write_text("[tool.other]\n")
    assert told_about._project(str(tmp_path)) == tmp_path.name
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "mine"\n')
    assert told_about._project(str(tmp_path)) == "mine"
    monkeypatch.setenv("PATH", str(tmp_path))  # no git
    assert told_about._commit(str(tmp_path)) == ""


Pair = collections.namedtuple("Pair", "one other")


def test_structures_are_filled_as_they_are():
    structure = [Pair(1, {"b": 2, "a": (3,)}), [4]]
    assert structures.fill(structure, iter("wxyz")) == [Pair("w", {"b": "y", "a": ("x",)}), ["z"]]


def test_inputs_are_cast_where_they_are_numbers():
    cast = in_dtype([X, "text", np.complex64(1j), np.int32([1])], np.float64)
    assert [getattr(one, "dtype", one) for one in cast] == [np.float64, "text", np.complex128, np.int32]


def test_results_are_arrays_in_their_structure():
    assert mode.to_arrays({"b": [1.0, (None, "text")]}) == {"b": [1.0, [None, "text"]]}


def test_all_public_names_are_told():
    assert set(testing.__all__) <= set(dir(testing))


def test_arrays_are_no_formula_for_second_derivatives():
    with pytest.raises(ValueError, match="second derivatives need a formula; got arrays"):
        testing.assert_gradient(lambda x: x, [X], X, order=2)


def test_a_mode_that_is_a_transformation_is_here_where_its_way_is():
    ways = {name: why for name, _, _, why in transformations.in_this_process()}
    for one, name in (transformations.XLA, "XLA, tape inside"), (mode.FORWARD, "forward mode"):
        assert (one.lacks is None) == (ways[name] is None)


def test_a_behaviour_that_there_is_not():
    with pytest.raises(ValueError, match=r"TensorFlow .* has the behaviours default and .*; got 'lazy'"):
        process.choose_behaviour("lazy")


def test_slices_in_numpy_are_slices():
    slices = composites.IndexedSlicesValue([1.5, 2.5], np.array([0, 2]), np.array([3]))
    given = composites.as_input(slices)
    assert given.values.dtype == np.float32  # as TensorFlow takes Python's numbers
    made = given.of(tf.constant(given.values))
    assert isinstance(made, tf.IndexedSlices)
    assert [list(part.shape) for part in (made.values, made.indices, made.dense_shape)] == [[2], [2], [1]]


def test_what_is_made_in_each_mode_is_called_like_what_makes_it():
    assert made_by(lambda: lambda x: x + 1)(2) == 3
    assert made_by(dict).name == "dict"


CHECKS = [
    Check("graph", "auto", "differences", verdicts.DIFFERS, "the words"),
    Check("eager", "auto", "differences", verdicts.DIFFERS, "the words"),
    Check("jit", "auto", "", verdicts.NOT_HERE, "it has\nno XLA [here]"),
]


class Table:
    """As much of rich's table as is used."""

    def __init__(self, *titles):
        self.rows = [titles]

    def add_row(self, *row):
        self.rows.append(row)


class Console:
    """As much of rich's console as is used."""

    def __init__(self, file):
        self.file = file

    def print(self, table):
        print("\n".join(map(str, table.rows)), file=self.file)


@pytest.mark.parametrize("with_rich", [True, False], ids=["rich", "plain"])
def test_verdicts_are_a_table_and_what_differs_alike_is_told_once(with_rich, monkeypatch, capsys):
    for name, attribute, thing in [("console", "Console", Console), ("table", "Table", Table)]:
        module = type(sys)("rich." + name)
        setattr(module, attribute, thing)
        monkeypatch.setitem(sys.modules, "rich." + name, module if with_rich else None)
    if with_rich:
        monkeypatch.setitem(sys.modules, "rich", type(sys)("rich"))
    verdicts.as_table("module:f", CHECKS)
    told = capsys.readouterr().out
    assert told.count("the words") == 1 and "Likewise in eager." in told
    assert ("\\[here]" in told) == with_rich and "no XLA" in told
