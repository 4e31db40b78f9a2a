"""Inputs as they are written on a command line."""

import collections

import numpy as np
import pytest

from compat_grad.testing.specs import UNKNOWN_SIZE, BadSpec, from_text, given, named


def test_dtype_and_shape():
    assert from_text("float32[4,8]").array.shape == (4, 8)
    assert from_text("complex64[2]").array.dtype == np.complex64
    assert from_text("float64").array.shape == ()
    assert from_text("float16[0,2]").array.size == 0


def test_an_unknown_dimension_has_some_size_that_the_function_is_not_told():
    spec = from_text("float32[?,8]")
    assert spec.array.shape == (UNKNOWN_SIZE, 8)
    assert spec.shape == [None, 8]
    assert from_text("float32[3,8]").shape is None


def test_bounds():
    array = from_text("float64[1000]=0.25..0.5").array
    assert 0.25 <= array.min() < 0.3 and 0.45 < array.max() < 0.5
    assert set(from_text("int32[200]=2..5").array) == {2, 3, 4}
    assert from_text("float32[2]=-1.5").array.tolist() == [-1.5, -1.5]


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others():
    one, again, other = (from_text("float32[50]", seed).array for seed in (1, 1, 2))
    assert np.array_equal(one, again) and not np.array_equal(one, other)


@pytest.mark.parametrize(
    "text, words",
    [
        ("float33[2]", "'float33' is no dtype of numbers"),
        ("str[2]", "'str' is no dtype of numbers"),
        ("float32[2,x]", "'x' is no dimension"),
        ("float32[2", "is no input"),
        ("float32[2]=1..0", "1 is not below 0"),
        ("float32[2]=a..b", "'a' is no number"),
    ],
)
def test_what_makes_no_sense_is_one_line(text, words):
    with pytest.raises(BadSpec) as raised:
        from_text(text)
    assert words in str(raised.value) and "\n" not in str(raised.value)


def test_a_file_gives_its_arrays_in_the_order_of_their_names(tmp_path):
    arrays = [np.full([2], i, np.float32) for i in range(12)]
    np.savez(str(tmp_path / "inputs.npz"), *arrays)
    assert [spec.array[0] for spec in given([], str(tmp_path / "inputs.npz"))] == list(range(12))


def test_a_file_of_one_array_gives_that(tmp_path):
    np.save(str(tmp_path / "input.npy"), np.full([2], 3, np.float32))
    (spec,) = given([], str(tmp_path / "input.npy"))
    assert spec.array.tolist() == [3, 3]


def test_a_module_that_imports_what_is_not_there_says_so_itself(tmp_path, monkeypatch):
    (tmp_path / "imports_what_is_not_there.py").write_text("import no_such_module")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ImportError, match="'no_such_module'"):
        named("imports_what_is_not_there:f")


def test_a_file_with_objects_is_refused(tmp_path):
    np.savez(str(tmp_path / "inputs.npz"), np.array([{}], object))
    with pytest.raises(BadSpec, match=r"cannot be read as an \.npz of arrays"):
        given([], str(tmp_path / "inputs.npz"))


Sparse = collections.namedtuple("Sparse", "indices values dense_shape")


def a_sparse_tensor_in_numpy():
    return Sparse([[0, 1]], [2.0], [2, 3])


def two_arrays():
    return [np.ones(2), np.zeros(3)]


def test_a_function_gives_an_input_or_several():
    (one,) = given([], __name__ + ":a_sparse_tensor_in_numpy")
    assert one.array == a_sparse_tensor_in_numpy()
    assert [spec.array.shape for spec in given([], __name__ + ":two_arrays")] == [(2,), (3,)]
