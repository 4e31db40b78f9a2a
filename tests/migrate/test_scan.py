"""`python -m compat_grad scan` finds the legacy forms under any alias, says what becomes of each, and runs nothing.

Needs no TensorFlow. Runs in tox.ini's environments pyXY-migrate, which have LibCST.
"""

import json
import subprocess
import sys

import pytest

pytest.importorskip("libcst", reason="LibCST and the extra `migrate` are in tox.ini's environments pyXY-migrate")

from compat_grad.__main__ import main
from compat_grad.commands import reading
from compat_grad.migrate.kinds import KINDS, RAISES, SILENT
from compat_grad.migrate.scan import scan

IMPORTS = """\
import tensorflow as tf
import tensorflow.compat.v1 as tf1
from tensorflow.python.framework import function, ops
from tensorflow.python.framework.function import Defun as D
from tensorflow import stop_gradient as sg, RegisterGradient, custom_gradient as cg
from keras import backend as K
"""
N_IMPORTS = IMPORTS.count("\n")

FORMS = {  # code -> the kinds found, in the order of their lines
    "with tf.get_default_graph().gradient_override_map({'Relu': 'G'}): pass": ["override-map"],
    "g = tf.Graph()\nwith g.gradient_override_map({'Relu': 'G'}): pass": ["override-map"],
    "with G.gradient_override_map(M), tf.name_scope('x'): pass": ["override-map"],
    "with K.get_session().graph.gradient_override_map(dict(Relu='G')): pass": ["override-map"],
    "stack.enter_context(g.gradient_override_map({'Relu': 'G'}))": ["override-map"],
    "with g.gradient_override_map({'PyFunc': n, 'PyFuncStateless': n}): pass": ["py-func-gradient"],
    "with g.gradient_override_map({'EagerPyFunc': 'P'}): pass": ["py-func-gradient"],
    "@tf.RegisterGradient('G')\ndef g(op, dy): return dy": ["register-gradient"],
    "@ops.RegisterGradient('G')\ndef g(op, dy): return dy": ["register-gradient"],
    "tf1.RegisterGradient(name)(g)": ["register-gradient"],
    "R = RegisterGradient\nR('G')(g)": ["register-gradient"],
    "@function.Defun(tf.float32, python_grad_func=g)\ndef f(x): return x": ["defun-gradient"],
    "f = D(tf.float32, grad_func=g)(f)": ["defun-gradient"],
    "@function.Defun(tf.float32)\ndef f(x): return x": [],
    "@tf.custom_gradient\ndef f(x): return x, g": ["custom-gradient"],
    "@cg\ndef f(x): return x, g": ["custom-gradient"],
    "f = tf.custom_gradient(f)": ["custom-gradient"],
    "y = tf.grad_pass_through(tf.round)(x)": ["library-helper"],
    "quantize = tf.grad_pass_through(tf.round)": ["library-helper"],
    "y = x + tf.stop_gradient(tf.round(x) - x)": ["stop-gradient-trick"],
    "y = K.stop_gradient(tf.round(x) - x) + x": ["stop-gradient-trick"],
    "y = tf.add(x, tf.stop_gradient(tf.subtract(f, x)))": ["stop-gradient-trick"],
    "y = x + sg(-x + f)": ["stop-gradient-trick"],
    "y = sg(f) + (t - sg(t))": ["stop-gradient-trick"],
    "y = t - sg(t) + sg(f)": ["stop-gradient-trick"],
    "s = tf.stop_gradient\ny = x + s(f - x)": ["stop-gradient-trick"],
    "return_ = x + tf.stop_gradient((u - x) * above + (l - x) * below)": ["stop-gradient-trick"],
    "loss = a + (x + tf.stop_gradient(f - x)) * b": ["stop-gradient-trick"],
    "y = tf.stop_gradient(f / t) * t": ["stop-gradient-ratio"],
    "y = t * tf.stop_gradient(tf.divide(f, t))": ["stop-gradient-ratio"],
    "y = sg(f) / sg(t) * t": ["stop-gradient-ratio"],
    "target = rewards + tf.stop_gradient((1.0 - done) * gamma * value)": [],
    "y = x - tf.stop_gradient(x - f)": [],  # the negative of the trick's second term: see the next
    "y = tf.stop_gradient(x) * x": [],
    "import jax\ny = x + jax.lax.stop_gradient(f - x)": [],
    "ops._gradient_registry._registry.pop('Relu')": ["registry-patch"],
    "from tensorflow.python.framework.ops import _gradient_registry\n_gradient_registry.lookup('Relu')": [
        "registry-patch"
    ],
    "from lucid.misc.gradient_override import gradient_override_map\nwith gradient_override_map({'Relu': g}): pass": [
        "library-helper"
    ],
    "from lucid.optvis import overrides\nwith overrides.standard_overrides(): pass": ["library-helper"],
    "import lucid.optvis.overrides as o\nwith o.relu, lock: pass": ["library-helper"],
    "'with g.gradient_override_map({}): a text'  # tf.RegisterGradient('a comment')": [],
}


def scan_text(tmp_path, text, name="program.py"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return scan([str(path)])


@pytest.mark.parametrize("code", FORMS)
def test_a_form_is_found_and_nothing_else(tmp_path, code):
    report = scan_text(tmp_path, IMPORTS + code + "\n")
    assert report.unread == []
    assert [finding.kind for finding in report.findings] == FORMS[code]
    assert all(finding.line > N_IMPORTS for finding in report.findings)


def test_every_kind_says_where_and_how_it_breaks_and_what_replaces_it():
    assert {kind for kinds in FORMS.values() for kind in kinds} == set(KINDS)
    for kind in KINDS.values():
        assert kind.does.endswith(".") and kind.breaks and "override_gradient" in kind.instead, kind.key


def test_a_map_tells_what_it_maps_and_which_function_replaces_it(tmp_path):
    code = """
@tf.RegisterGradient("Guided")
def guided_relu(op, dy):
    return dy

MAPPING = {"Relu": "Guided", "Add": "Guided"}
with g.gradient_override_map(MAPPING):
    y = f(x)
"""
    registered, mapped = scan_text(tmp_path, IMPORTS + code).findings
    assert mapped.what == "Ops created in its scope get other gradients: Relu -> Guided, Add -> Guided."
    assert "override_gradient(forward, {'Relu': guided_relu, 'Add': guided_relu})" in mapped.instead
    (renamed,) = [one for one in mapped.breaks if "AddV2" in one.where]
    assert renamed.how == SILENT
    assert "No map in these files" not in registered.what


def test_a_function_that_is_registered_by_a_call_is_named_as_one_below_a_decorator_is(tmp_path):
    code = "tf.RegisterGradient('Guided')(guided)\nwith g.gradient_override_map({'Relu': 'Guided'}): pass\n"
    _, mapped = scan_text(tmp_path, IMPORTS + code).findings
    assert "override_gradient(forward, {'Relu': guided})" in mapped.instead


def test_a_gradient_that_no_map_names_may_be_that_of_an_op_of_ones_own(tmp_path):
    (registered,) = scan_text(tmp_path, IMPORTS + "@tf.RegisterGradient('MyOp')\ndef g(op, dy): return dy\n").findings
    assert "No map in these files names it" in registered.what


def test_custom_gradient_is_told_the_traps_that_the_program_runs_into(tmp_path):
    plain = "@tf.custom_gradient\ndef f(x, scale=1.0): return x, g\n"
    assert len(scan_text(tmp_path, IMPORTS + plain + "f(x, 2.0)\n").findings[0].breaks) == 1  # its leak
    by_keyword = scan_text(tmp_path, IMPORTS + plain + "f(x, scale=2.0)\n").findings[0].breaks
    assert [(one.how, "scale" in one.what) for one in by_keyword[1:]] == [(RAISES, True)]
    in_keras = scan_text(tmp_path, IMPORTS + plain + "y = f(tf.keras.Input([2]))\n").findings[0].breaks
    assert [(one.how, "keras.Input" in one.where) for one in in_keras[1:]] == [(SILENT, True)]
    forward_mode = "with tf.autodiff.ForwardAccumulator(x, v) as acc: f(x)\n"
    in_forward_mode = scan_text(tmp_path, IMPORTS + plain + forward_mode).findings[0].breaks
    assert [(one.how, "ForwardAccumulator" in one.where) for one in in_forward_mode[1:]] == [(SILENT, True)]


def test_what_cannot_be_parsed_is_listed_with_the_lines_to_look_at_and_the_rest_goes_on(tmp_path):
    (tmp_path / "old.py").write_text("print 'Python 2'\nwith g.gradient_override_map(M): pass\n")
    (tmp_path / "latin.py").write_bytes(b"# \xe9\nimport tensorflow\n")
    (tmp_path / "broken.ipynb").write_text("{")
    (tmp_path / "unrelated.py").write_text("print 'no gradients here'\n")
    (tmp_path / "new.py").write_text(IMPORTS + "with g.gradient_override_map({'Relu': 'G'}): pass\n")
    report = scan([str(tmp_path)])
    assert [finding.kind for finding in report.findings] == ["override-map"]
    reasons = {one.path.rpartition("/")[2]: one.reason for one in report.unread}
    assert set(reasons) == {"old.py", "latin.py", "broken.ipynb"}
    assert "not Python 3 (" in reasons["old.py"] and "look yourself at line 2" in reasons["old.py"]
    assert report.n_files == 5


def test_the_code_cells_of_notebooks_are_looked_into(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": ["with g.gradient_override_map({}): a text"]},
        {
            "cell_type": "code",
            "source": ["%matplotlib inline\n", "!pip list\n", "import tensorflow as tf"],
        },
        {"cell_type": "code", "source": ["x = 1\n", "y = x + tf.stop_gradient(f - x)"]},
        {"cell_type": "code", "source": ["%%bash\n", "gradient_override_map("]},
    ]
    report = scan_text(tmp_path, json.dumps({"cells": cells}), "notebook.ipynb")
    assert [(finding.cell, finding.line, finding.kind) for finding in report.findings] == [
        (2, 2, "stop-gradient-trick")
    ]
    assert report.unread == []


def test_hidden_folders_and_built_ones_are_left_out_and_a_named_file_is_not(tmp_path):
    for folder in (".venv", "build", "node_modules", "kept"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").write_text("with g.gradient_override_map({'Relu': 'G'}): pass\n")
    assert [finding.path for finding in scan([str(tmp_path)]).findings] == [str(tmp_path / "kept" / "a.py")]
    assert len(scan([str(tmp_path / ".venv" / "a.py")]).findings) == 1


# --- the command ----------------------------------------------------------------------------------------------


@pytest.fixture
def program(tmp_path):
    """A file that raises when it is imported."""
    path = tmp_path / "program.py"
    path.write_text("raise SystemError('was run')\nwith g.gradient_override_map({'Relu': 'G'}): pass\n")
    return str(path)


def test_text_tells_place_kind_breaks_and_replacement(program, capsys):
    assert main(["scan", program]) == 1
    printed = capsys.readouterr().out
    assert "{}:2: Graph.gradient_override_map [override-map]".format(program) in printed
    assert "Relu -> G." in printed
    assert "  silently wrong: TensorFlow 2" in printed and "  instead: override_gradient" in printed
    assert printed.splitlines()[-1] == "1 file looked at, 1 finding: 1 override-map."


def test_what_cannot_be_read_is_told_at_the_end(tmp_path, capsys):
    deep, gone = tmp_path / "deep.py", tmp_path / "gone.py"
    deep.write_text("# gradient_override_map\nx = {}1\n".format("-" * 3000))
    gone.symlink_to(tmp_path / "nowhere")
    assert main(["scan", str(tmp_path)]) == 1
    *told, summary = capsys.readouterr().out.splitlines()
    assert "{}: not looked into: an expression is nested too deeply".format(deep) in told
    assert any(line.startswith("{}: not looked into: [Errno 2]".format(gone)) for line in told)
    assert summary == "2 files looked at, 0 findings; 2 not looked into."


def test_nothing_found_is_exit_code_0_and_no_such_file_2(tmp_path, capsys):
    (tmp_path / "clean.py").write_text("x = 1\n")
    assert main(["scan", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "1 file looked at, 0 findings.\n"
    assert main(["scan", str(tmp_path / "nothing")]) == 2
    assert "no such file or folder" in capsys.readouterr().err


def test_json_holds_all_of_it(program, capsys):
    assert main(["scan", program, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    (finding,) = found["findings"]
    assert (found["files"], found["unread"]) == (1, [])
    assert (finding["path"], finding["line"]) == (program, 2)
    assert (finding["kind"], finding["level"]) == ("override-map", "error")
    assert {one["how"] for one in finding["breaks"]} == {"silently wrong"}


def test_sarif_is_valid_and_points_at_the_place(program, tmp_path, capsys):
    sarif = pytest.importorskip("sarif_pydantic", reason="sarif-pydantic is of Python 3.10 and later")
    (tmp_path / "old.py").write_text("print 'gradient_override_map'\n")
    assert main(["scan", str(tmp_path), "--sarif"]) == 1
    written = json.loads(capsys.readouterr().out)
    log = sarif.Sarif.model_validate(written)
    (run,) = log.runs
    (result,) = run.results
    region = result.locations[0].physical_location.region
    assert (result.rule_id, region.start_line, region.start_column) == ("override-map", 2, 6)
    assert run.tool.driver.rules[result.rule_index].id == result.rule_id
    (told,) = written["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert "look yourself at line 1" in told["message"]["text"]


def test_sarif_tells_the_cell_of_a_notebook(tmp_path, capsys):
    cell = {"cell_type": "code", "source": ["with g.gradient_override_map({'Relu': 'G'}): pass"]}
    (tmp_path / "notebook.ipynb").write_text(json.dumps({"cells": [cell]}))
    assert main(["scan", str(tmp_path), "--sarif"]) == 1
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    (location,) = result["locations"]
    assert location["message"]["text"] == "cell 1"
    assert location["physicalLocation"]["region"] == {"startLine": 1, "startColumn": 6, "endLine": 1}


def test_tensorflow_is_neither_needed_nor_loaded(program):
    code = "import sys; sys.modules['tensorflow'] = None; from compat_grad.__main__ import main; sys.exit(main({!r}))"
    command = [sys.executable, "-c", code.format(["scan", program])]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("with_rich", [True, False])
def test_a_bar_for_many_files_on_a_terminal_leaves_none_out(monkeypatch, with_rich):
    if with_rich:
        pytest.importorskip("rich")
    else:
        monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    files = ["{}.py".format(number) for number in range(100)]
    assert list(reading.progress("reading")(files)) == files


def test_without_rich_what_was_found_is_plain_lines(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    reading.show([("[one]", "bold"), ("two", None)])
    assert capsys.readouterr().out == "[one]\ntwo\n"
