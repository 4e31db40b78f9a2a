"""The demo: its closed-form gradient is right, its data loader is careful, and all its modes agree."""

import os
import pickle
import signal
import struct
import subprocess
import sys
import threading

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import demo
from compat_grad._tf import v1
from compat_grad.demo import data, degenerate, layer, program, reference, report, train
from compat_grad.demo.model import initial_parameters
from compat_grad.demo.modes import missing_modes
from compat_grad.demo.options import MODES
from compat_grad.demo.picture import draw_gradients
from compat_grad.demo.quiet import native_noise_kept
from compat_grad.testing.process import IS_TF2
from tests.processes import where_compat_grad_is

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("graph" in missing_modes(), reason="this process has no tf.gradients"),
]

RANDOM = np.random.RandomState(0)
FILTERS = initial_parameters(0, (8, 8, 1))[0]
NOISE = RANDOM.uniform(size=(4, 8, 8, 1)).astype(np.float32)  # all eigenvalues are well apart
UPSTREAM = RANDOM.normal(size=(4, 4 * FILTERS.shape[3] ** 2)).astype(np.float32)


def evaluate(build, *arrays):
    """What `build` makes of these arrays as tensors of a graph."""
    with tf.Graph().as_default() as graph:
        results = build(*[tf.constant(array) for array in arrays])
    with v1.Session(graph=graph) as session:
        return session.run(results)


def gradients(pooling, images, filters, upstream):
    """The gradients of sum(pooling(images, filters) * upstream) to both arguments."""

    def build(images, filters):
        return v1.gradients(tf.reduce_sum(pooling(images, filters) * upstream), [images, filters])

    return evaluate(build, images, filters)


def assert_close(actual, expected, tolerance):
    """Largest error, relative to the largest entry."""
    error = np.max(np.abs(actual - expected)) / np.max(np.abs(expected))
    assert error <= tolerance, "off by {:.2g} of the largest entry, {:.2g} allowed".format(error, tolerance)


@pytest.fixture(autouse=True)
def behaviour_of_the_process(monkeypatch):
    """Whether this process is eager is conftest.py's choice: the demo must not change it for the other tests."""
    monkeypatch.setattr(program, "enable_eager", lambda wanted: None)


# --- the layer and its gradient -------------------------------------------------------------------


def test_layer_is_what_the_reference_says():
    assert_close(evaluate(layer.forward, NOISE, FILTERS), reference.layer(NOISE, FILTERS), 1e-5)


def test_gradient_equals_difference_quotients():
    to_images, to_filters = gradients(layer.log_covariance_pooling, NOISE, FILTERS, UPSTREAM)
    assert_close(
        to_images,
        reference.difference_quotients(lambda at: np.sum(reference.layer(at, FILTERS) * UPSTREAM), NOISE),
        1e-4,
    )
    assert_close(
        to_filters,
        reference.difference_quotients(lambda at: np.sum(reference.layer(NOISE, at) * UPSTREAM), FILTERS),
        1e-4,
    )


def test_gradient_equals_tensorflows_own_where_eigenvalues_are_apart():
    ours = gradients(layer.log_covariance_pooling, NOISE, FILTERS, UPSTREAM)
    native = gradients(layer.forward, NOISE, FILTERS, UPSTREAM)
    assert_close(ours[0], native[0], 1e-3)
    assert_close(ours[1], native[1], 1e-3)


def test_gradient_is_right_on_colour_images_with_larger_filters():
    images = RANDOM.uniform(size=(2, 32, 32, 3)).astype(np.float32)
    filters = initial_parameters(0, (32, 32, 3))[0]
    upstream = RANDOM.normal(size=(2, 4 * filters.shape[3] ** 2)).astype(np.float32)
    ours = gradients(layer.log_covariance_pooling, images, filters, upstream)
    direction = RANDOM.normal(size=filters.shape)
    slope = reference.difference_quotients(
        lambda at: np.sum(reference.layer(images, filters + at * direction) * upstream), np.zeros(1)
    )
    assert_close(np.sum(ours[1] * direction), slope[0], 1e-4)


@pytest.mark.parametrize("gap", [0.0, 1e-12, 1e-8, 1e-4, 0.5])
def test_logarithm_gradient_in_float64_whatever_the_gap(gap):
    values = np.array([0.5, 1.0, 1.0 + gap, 2.0])
    vectors = np.linalg.qr(RANDOM.normal(size=(4, 4)))[0]
    upstream = RANDOM.normal(size=(4, 4))

    def weighted_logarithm(matrix):
        values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
        return np.sum(np.dot(vectors * np.log(values), vectors.T) * upstream)

    matrix = np.dot(vectors * values, vectors.T)
    actual = evaluate(layer.logarithm_gradient, values[np.newaxis], vectors[np.newaxis], upstream[np.newaxis])[0]
    assert_close(actual, reference.difference_quotients(weighted_logarithm, matrix), 1e-8)


def test_divided_differences_lose_no_digits_in_float32():
    values = np.array([1e-2, 1e-2, np.nextafter(np.float32(1e-2), np.float32(1)), 0.1, 1, 1.001, 1e4], np.float32)
    rows, columns = np.float64(values)[:, np.newaxis], np.float64(values)
    with np.errstate(invalid="ignore"):
        quotient = np.log1p((rows - columns) / columns) / (rows - columns)
    expected = np.where(rows == columns, 1 / rows, quotient)
    np.testing.assert_allclose(evaluate(layer.log_divided_differences, values), expected, rtol=1e-6)


def test_override_is_right_where_eigenvalues_repeat_and_tensorflow_is_not():
    verdicts = degenerate.verdicts(degenerate.differentiate(FILTERS, available_modes()))
    native = verdicts.pop("no override")
    assert sorted(verdicts) == sorted(available_modes())
    assert all(ours.bad == 0 and ours.error < 1e-5 for ours in verdicts.values())
    assert native.bad > 0 or native.error > 0.1  # NaN up to TensorFlow 2.1, finite and wrong on 2.15 and 2.22


# --- CIFAR-10's files -----------------------------------------------------------------------------


class Python2Pickler(pickle._Pickler):
    """Writes strings and module names as Python 2 and NumPy 1 did when CIFAR-10 was made."""

    dispatch = pickle._Pickler.dispatch.copy()

    def save_string(self, text):
        raw = text.encode("latin1") if isinstance(text, str) else text
        self.write(pickle.BINSTRING + struct.pack("<i", len(raw)) + raw)
        self.memoize(text)

    def save_global(self, obj, name=None):
        known = {"_reconstruct": b"numpy.core.multiarray", "ndarray": b"numpy", "dtype": b"numpy"}
        self.write(pickle.GLOBAL + known[obj.__name__] + b"\n" + obj.__name__.encode() + b"\n")

    dispatch[str] = dispatch[bytes] = save_string
    dispatch[type] = save_global
    dispatch[type(np.zeros(1).__reduce__()[0])] = save_global


def write_batch(path, content, pickler=pickle.Pickler):
    with open(str(path), "wb") as file:
        pickler(file, protocol=2).dump(content)


def batch_of(count, seed=0):
    random = np.random.RandomState(seed)
    rows = random.randint(0, 256, size=(count, 3072)).astype(np.uint8)
    return {
        b"data": rows,
        b"labels": [int(label) for label in random.randint(0, 10, size=count)],
        b"batch_label": b"made by the test",
        b"filenames": [b"x.png"] * count,
    }


@pytest.fixture
def cifar(tmp_path):
    """A folder in CIFAR-10's format with 5 x 4 training images and 4 test images."""
    for seed, name in enumerate(data.CIFAR_TRAINING_FILES + [data.CIFAR_TEST_FILE]):
        write_batch(tmp_path / name, batch_of(4, seed))
    return tmp_path


@pytest.mark.parametrize("pickler", [pickle.Pickler, Python2Pickler])
def test_cifar_pixels_and_labels_are_where_they_belong(tmp_path, pickler):
    content = batch_of(3)
    write_batch(tmp_path / "batch", content, pickler)
    images, labels = data.read_cifar_batch(str(tmp_path / "batch"))
    assert images.shape == (3, 32, 32, 3) and images.dtype == np.uint8
    # Each row of the file: 1024 red bytes, row by row, then green, then blue.
    assert images[2, 5, 7].tolist() == [content[b"data"][2, colour * 1024 + 5 * 32 + 7] for colour in range(3)]
    assert labels.tolist() == content[b"labels"]


def test_cifar_folder_holds_training_and_test_images(cifar):
    dataset = data.load_dataset(str(cifar), limit=None)
    assert dataset.train_images.shape == (20, 32, 32, 3) and dataset.test_images.shape == (4, 32, 32, 3)
    assert dataset.train_labels[4:8].tolist() == batch_of(4, seed=1)[b"labels"]
    assert data.as_floats(dataset, dataset.test_images).max() <= 1


def test_cifar_folder_may_lie_one_deeper(cifar):
    inner = cifar / "cifar-10-batches-py"
    inner.mkdir()
    for name in data.CIFAR_TRAINING_FILES + [data.CIFAR_TEST_FILE]:
        (cifar / name).rename(inner / name)
    assert len(data.load_dataset(str(cifar), limit=7).train_labels) == 7


class Malicious:
    """A pickle of this runs a command when it is read by plain pickle.load."""

    def __reduce__(self):
        return os.system, ("exit 1",)


def remove(path):
    os.remove(str(path))


def truncate(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


DAMAGE = {
    "missing": (remove, "cannot read"),
    "truncated": (truncate, "damaged"),
    "empty": (lambda path: path.write_bytes(b""), "damaged"),
    "no pickle": (lambda path: path.write_bytes(b"<html>404\nnot found</html>"), "not a CIFAR-10 batch"),
    "a list": (lambda path: write_batch(path, [1, 2]), "does not hold 'data' and 'labels'"),
    "without labels": (lambda path: write_batch(path, {b"data": batch_of(4)[b"data"]}), "does not hold"),
    "short rows": (
        lambda path: write_batch(path, {b"data": np.zeros((4, 3000), np.uint8), b"labels": [0] * 4}),
        "(4, 3000)",
    ),
    "few labels": (
        lambda path: write_batch(path, {b"data": np.zeros((4, 3072), np.uint8), b"labels": [0] * 3}),
        "4 numbers",
    ),
    "wild labels": (
        lambda path: write_batch(path, {b"data": np.zeros((4, 3072), np.uint8), b"labels": [0, 1, 2, 10]}),
        "from 0 to 9",
    ),
    "malicious": (lambda path: write_batch(path, Malicious()), "which no batch needs"),
}


@pytest.mark.parametrize("name", ["data_batch_3", "test_batch"])
@pytest.mark.parametrize("kind", sorted(DAMAGE))
def test_damaged_cifar_file_is_one_line_and_exit_code_2(cifar, capsys, kind, name):
    damage, words = DAMAGE[kind]
    damage(cifar / name)
    assert demo.main(["--data", str(cifar)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and str(cifar / name) in lines[0] and words in lines[0]


def test_missing_folder_is_one_line_and_exit_code_2(tmp_path, capsys):
    assert demo.main(["--data", str(tmp_path / "nowhere")]) == 2
    assert "cannot read" in capsys.readouterr().err


# --- the program ----------------------------------------------------------------------------------


def rows_of_table(output):
    """{mode: cells} of the table in the demo's output."""
    rows = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in output.splitlines()]
    return {row[0]: row for row in rows if row and row[0] in MODES}


def available_modes():
    return [mode for mode in MODES if mode not in missing_modes()]


def test_all_modes_have_the_same_gradients(cifar, capsys):
    picture = cifar / "picture.png"
    code = demo.main(["--data", str(cifar), "--batch-size", "4", "--limit", "12", "--picture", str(picture)])
    output = capsys.readouterr().out
    rows = rows_of_table(output)
    assert sorted(rows) == sorted(available_modes()), output
    assert [row[5] for row in rows.values()] == ["0"] * len(rows), output
    assert code == 0
    assert picture.exists() or "No picture" in output
    assert output.index("without the override:") < output.index("mode  ") < output.index("no override ")


def run_python(code):
    """Return what a Python of its own writes to stdout and stderr."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(where_compat_grad_is()))
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    output, errors = (one.decode() for one in process.communicate())
    assert process.returncode == 0, errors
    return output, errors


@pytest.mark.parametrize("is_used_before", [False, True], ids=["new process", "TensorFlow used before"])
def test_a_program_has_all_modes_that_can_be_enabled_when_it_starts(cifar, is_used_before):
    options = ["--data", str(cifar), "--batch-size", "4", "--limit", "4", "--seed", "3", "--picture"]
    before = "import tensorflow as tf; tf.constant(1.0); " if is_used_before else ""
    program = "import sys; from compat_grad import demo; sys.exit(demo.main({!r}))"
    output, _ = run_python(before + program.format([*options, str(cifar / "picture.png")]))
    if not hasattr(tf, "GradientTape") or (is_used_before and not IS_TF2):  # too late
        expected = ["graph"]
    else:
        expected = [mode for mode in MODES if mode != "tf.function" or hasattr(tf, "function")]
    assert sorted(rows_of_table(output)) == sorted(expected), output


def test_a_program_that_is_asked_for_graphs_stays_in_them():
    code = "from compat_grad.demo import modes; modes.enable_eager(['graph']); print(modes.executing_eagerly())"
    assert run_python(code)[0].split() == [str(IS_TF2)]


def test_digits_are_learned(tmp_path, capsys):
    pytest.importorskip("sklearn")
    assert demo.main(["--modes", "graph", "--epochs", "5", "--picture", str(tmp_path / "picture.png")]) == 0
    row = rows_of_table(capsys.readouterr().out)["graph"]
    assert float(row[4].split()[0]) > 90, row


def test_first_gradients_are_not_trivially_equal(cifar):
    dataset = data.load_dataset(str(cifar), limit=4)
    options = demo.parse_options(["--batch-size", "4", "--epochs", "1"])
    result = train.train("graph", initial_parameters(0, (32, 32, 3)), dataset, options)
    assert all(np.any(gradient != 0) for gradient in result.first_gradients)


def test_modes_that_differ_give_exit_code_1(capsys):
    results = [
        train.Result("graph", "s", [1.0], 1, 0.5, [np.zeros(3)], 1.0, []),
        train.Result("eager", "s", [1.0], 1, 0.5, [np.full(3, 1e-9)], 1.0, []),
    ]
    assert program.conclude(results) == 1
    assert rows_of_table(report.table(results, {}))["eager"][5] == "1e-09"


def test_without_scikit_learn_it_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert demo.main([]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "pip install 'compat_grad[demo]'" in lines[0]


def test_without_tqdm_and_matplotlib_it_runs_and_says_so(cifar, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in [name for name in sys.modules if name.startswith("matplotlib.")]:
        monkeypatch.setitem(sys.modules, name, None)
    code = demo.main(
        [
            "--data",
            str(cifar),
            "--modes",
            "graph",
            "--batch-size",
            "4",
            "--limit",
            "4",
            "--picture",
            str(cifar / "picture.png"),
        ]
    )
    captured = capsys.readouterr()
    assert code == 0 and "No picture" in captured.out
    assert captured.err.splitlines() == ["graph: 1 steps ... (pip install tqdm for a progress bar)"]


def test_picture_that_cannot_be_saved_is_said_before_training(cifar, capsys):
    assert demo.main(["--data", str(cifar), "--picture", str(cifar / "nowhere" / "picture.png")]) == 2
    captured = capsys.readouterr()
    assert "No such file or directory" in captured.err and captured.out == ""


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no place where even root cannot write")
def test_place_that_cannot_be_written_to_is_said_before_training(cifar, capsys):
    assert demo.main(["--data", str(cifar), "--picture", "/proc/self/picture.png"]) == 2
    output = capsys.readouterr()
    assert "cannot save the picture" in output.err and "--picture" in output.err and not output.out


def test_looking_whether_a_picture_can_be_saved_leaves_no_file_and_harms_none(tmp_path):
    from compat_grad.demo.program import check_picture

    check_picture(str(tmp_path / "new.png"))
    assert not (tmp_path / "new.png").exists()
    (tmp_path / "old.png").write_bytes(b"a picture")
    check_picture(str(tmp_path / "old.png"))
    assert (tmp_path / "old.png").read_bytes() == b"a picture"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no disk here that is full")
def test_picture_that_a_disk_has_no_room_for_is_one_line(cifar, capsys):
    pytest.importorskip("matplotlib")
    full = cifar / "full.png"
    full.symlink_to("/dev/full")
    options = ["--modes", "graph", "--batch-size", "4", "--limit", "4", "--picture", str(full)]
    assert demo.main(["--data", str(cifar), *options]) == 2
    assert "cannot save the picture {}: [Errno 28]".format(full) in capsys.readouterr().err.splitlines()[-1]


def test_suffix_that_matplotlib_does_not_know_is_said_before_training(cifar, capsys):
    pytest.importorskip("matplotlib")
    assert demo.main(["--data", str(cifar), "--picture", str(cifar / "picture.docx")]) == 2
    captured = capsys.readouterr()
    assert "matplotlib has no format .docx" in captured.err and "png" in captured.err and captured.out == ""


def test_picture_without_a_suffix_is_a_png(tmp_path):
    assert program.check_picture(str(tmp_path / "picture")) == str(tmp_path / "picture.png")


def test_picture_shows_what_happens_without_the_override():
    figure = pytest.importorskip("matplotlib.figure").Figure()
    axes = figure.add_subplot(1, 1, 1)
    truth = np.array([1.0, 2.0, 3.0])
    native, ours = np.array([9.0, np.nan, 3.0]), truth.copy()
    draw_gradients(axes, degenerate.Gradients(truth, native, {"graph": ours}))
    drawn = {line.get_label(): line.get_ydata() for line in axes.get_lines()}
    np.testing.assert_array_equal(drawn["without the override"], [9.0, 3.0])
    np.testing.assert_array_equal(drawn["with it"], truth)
    assert "(1 of 3 are NaN)" in drawn


def test_noise_of_tensorflows_start_is_kept_unless_it_fails(capfd):
    with native_noise_kept():
        os.write(2, b"noise")
    assert capfd.readouterr().err == ""
    with pytest.raises(ValueError), native_noise_kept():
        os.write(2, b"what came before")
        raise ValueError
    assert capfd.readouterr().err == "what came before"


def test_what_python_itself_says_meanwhile_is_not_kept():
    quiet = "from compat_grad.demo.quiet import native_noise_kept; import os, sys\nwith native_noise_kept():\n"
    said = "    os.write(2, b'no' + b'ise'); print('what ' + 'python says', file=sys.stderr)\n"
    _, errors = run_python(quiet + said + "print('and ' + 'later', file=sys.stderr)")
    assert "noise" not in errors
    assert errors.endswith("what python says\nand later\n")


def test_ctrl_c_ends_it_with_one_line(cifar, capsys):
    timer = threading.Timer(5.0, os.kill, [os.getpid(), signal.SIGINT])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it
    timer.start()
    try:
        code = demo.main(["--data", str(cifar), "--modes", "graph", "--epochs", "1000000"])
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)
    assert code == 130
    assert capsys.readouterr().err.endswith("demo: interrupted\n")


def test_mode_that_this_tensorflow_lacks_is_an_error_if_asked_for(cifar, capsys):
    for mode in missing_modes():
        assert demo.main(["--data", str(cifar), "--modes", mode]) == 2
        assert "mode {} cannot be had".format(mode) in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--modes", "lazy"], ["--epochs", "0"], ["--limit", "-1"], ["--seed", "-1"]])
def test_senseless_options_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        demo.main(arguments)
    assert stopped.value.code == 2
    assert "python -m compat_grad demo: error:" in capsys.readouterr().err
