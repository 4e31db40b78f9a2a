"""`python -m compat_grad migrate` rewrites what is certain, leaves the rest with a reason, and spoils nothing.

That the rewritten programs give what the originals gave is run in tests/legacy, from the files that are compared here.
Needs no TensorFlow. Runs in tox.ini's environments pyXY-migrate, which have LibCST.
"""

import collections
import io
import json
import os
import subprocess
import sys
import tokenize

import pytest

pytest.importorskip("libcst", reason="LibCST and the extra `migrate` are in tox.ini's environments pyXY-migrate")

from compat_grad.__main__ import main
from compat_grad.migrate import apply
from tests.migrate.rewritten import PROGRAMS, REWRITTEN, WRAPPED, names, rewritten

HEAD = """\
import tensorflow.compat.v1 as tf


@tf.RegisterGradient("G")
def grad(op, dy):
    return 2.0 * dy


g = tf.get_default_graph()


"""

LEFT = {  # program that stays as it is -> what is said of it
    "callable_argument.py": "the block calls `fn`",
    "custom_gradient_plain.py": "Gained by: @override_gradient(backward=gradient)",
    "differentiates_inside.py": "`tf.gradients` in the block does more than compute",
    "exit_stack.py": "entered by other means than a with statement",
    "function_from_elsewhere.py": "override_gradient(model, {op type: gradient}) replaces the map",
    "generator.py": "yield tf.round(x * scale)",
    "helper_context.py": "which op types are in it",
    "keras_layers.py": "`tf.keras.Sequential` in the block does more than compute",
    "map_made_elsewhere.py": "which op types are in it",
    "stop_gradient_ratio.py": 'combine="multiply"',
    "stop_gradient_sum.py": "the value is f's own, to the bit",
    "variable_in_block.py": "`tf.get_variable` in the block does more than compute",
    "while_loop.py": "`tf.while_loop` in the block does more than compute",
}

MAPPED = "with g.gradient_override_map({'Relu': 'G'}):"
DEFUN = "from tensorflow.python.framework.function import Defun"

UNCERTAIN = [  # (code, what is said of it)
    (
        """
def f(self, x):
    MAPPED
        self.y = tf.nn.relu(x)
""",
        "in `self.y`",
    ),
    (
        """
def f(x, ends):
    MAPPED
        ends["y"] = tf.nn.relu(x)
""",
        'in `ends["y"]`',
    ),
    (
        """
def f(x):
    MAPPED
        out.append(tf.nn.relu(x))
""",
        "`out.append(tf.nn.relu(x))`",
    ),
    (
        """
def f(x, graph):
    with graph.gradient_override_map({"Relu": "G"}):
        return tf.nn.relu(x)
""",
        "is `graph` the default graph",
    ),
    (
        """
h = tf.Graph()

def f(x):
    with h.gradient_override_map({"Relu": "G"}):
        return tf.nn.relu(x)
""",
        "is `h` the default graph",
    ),
    (
        """
def f(x):
    with g.gradient_override_map({kind(): "G"}):
        return tf.nn.relu(x)
""",
        "`kind()` is made at run time",
    ),
    (
        """
def f(x):
    MAPPED
        if x is None:
            return 0.0
        x = tf.nn.relu(x)
    return x
""",
        "returns in some cases and goes on in others",
    ),
    (
        """
def f(x, flag):
    MAPPED
        if flag:
            y = tf.nn.relu(x)
    return y
""",
        "binds `y` in some cases only",
    ),
    (
        """
def f(x, flag):
    if flag:
        y = x
    MAPPED
        y = tf.nn.relu(y)
    return y
""",
        "`y` is bound before the block in some cases only",
    ),
    (
        """
def f(x):
    global y
    MAPPED
        y = tf.nn.relu(x)
""",
        "binds `y`, which is global",
    ),
    (
        """
def f(x):
    for x in xs:
        MAPPED
            break
""",
        "`break`",
    ),
    (
        """
def f(x):
    with g.gradient_override_map({"Relu": "G"}) as entered:
        return tf.nn.relu(x)
""",
        "bound to a name",
    ),
    (
        """
def f(x):
    MAPPED
        with open("log") as file:
            return tf.nn.relu(x)
""",
        'enters `open("log")`',
    ),
    (
        """
def h(x):
    return tf.nn.relu(x * tf.get_variable("v", []))

def f(x):
    MAPPED
        return h(x)
""",
        "calls `h`, where `tf.get_variable`",
    ),
    (
        """
from tensorflow.python.framework.function import Defun

def back(op, dy):
    return dy * op.get_attr("T")

@Defun(tf.float32, python_grad_func=back)
def f(x):
    return tf.identity(x)
""",
        "asks more of op",
    ),
    (
        """
def f(x):
    MAPPED
        y = tf.nn.relu(x)
        return
""",
        "the block returns nothing",
    ),
    (
        """
def f(x):
    MAPPED
        print(tf.nn.relu(x))
    return x
""",
        "nothing that the block makes is read after it",
    ),
    (
        """
def f(x):
    MAPPED
        @cached
        def inner(v):
            return tf.nn.relu(v)
        return inner(x)
""",
        "holds `@cached def inner(v): return tf.nn.relu(v)`",
    ),
    (
        """
def f(x, flag):
    MAPPED
        if flag: return tf.nn.relu(x)
        else: return x
""",
        "returns in some cases and goes on in others",
    ),
    (
        """
def f(x, pairs):
    for a, b in pairs:
        pass
    MAPPED
        a = tf.nn.relu(x * a)
    return a
""",
        "`a` is bound before the block in some cases only",
    ),
    (
        """
def f(x, flag):
    if flag:
        n += 1
    MAPPED
        n = tf.nn.relu(x) * n
    return n
""",
        "`n` is bound before the block in some cases only",
    ),
    (
        """
class A:
    MAPPED
        y = tf.nn.relu(x)
""",
        "in the body of a class",
    ),
    (
        """
class A(B):
    def f(self, x):
        MAPPED
            return tf.nn.relu(self.h(x))
""",
        "the block calls `self.h`",
    ),
    (
        """
def f(x, obj):
    MAPPED
        return tf.nn.relu(obj.h(x))
""",
        "the block calls `obj.h`",
    ),
    (
        """
one = other
other = one

def f(x):
    MAPPED
        return tf.nn.relu(one(x))
""",
        "the block calls `one`",
    ),
    (
        """
def f(self, x):
    if self.twice:
        self.seen, y = True, x
    MAPPED
        y = tf.nn.relu(y)
    return y
""",
        "`y` is bound before the block in some cases only",
    ),
    (
        """
@cached
def h(x):
    return x

def f(x):
    MAPPED
        return tf.nn.relu(h(x))
""",
        "the block calls `h`",
    ),
    (
        """
def own():
    pass

def f(x):
    with own().gradient_override_map({"Relu": "G"}):
        return tf.nn.relu(x)
""",
        "is `own()` the default graph",
    ),
    (
        """
def own(): return tf.get_default_graph()

def f(x):
    with own().gradient_override_map({"Relu": "G"}):
        return tf.nn.relu(x)
""",
        "is `own()` the default graph",
    ),
    (
        """
DEFUN
@cached
@Defun(tf.float32, python_grad_func=grad)
def f(x):
    return x
""",
        "it has other decorators, too",
    ),
    (
        """
DEFUN
f = Defun(tf.float32, python_grad_func=grad)(elsewhere)
""",
        "`elsewhere` is not defined in this file",
    ),
    (
        """
DEFUN
@Defun(tf.float32, python_grad_func=grad)
def f(x):
    return x * tf.get_variable("v", [])
""",
        "does the function only compute",
    ),
    (
        """
DEFUN
@Defun(tf.float32, python_grad_func=grad)
def f(x):
    return x

print(f.name)
""",
        "attributes of it are used",
    ),
    (
        """
DEFUN
@Defun(tf.float32, tf.float32)
def back(x, dy):
    return dy

@Defun(tf.float32, grad_func=back)
def f(x):
    return x

print(back)
""",
        "its gradient is `back`, which is used elsewhere, too",
    ),
    (
        """
DEFUN
@Defun(tf.float32, tf.float32)
def back(x, dy):
    return dy * tf.get_variable("v", [])

@Defun(tf.float32, grad_func=back)
def f(x):
    return x
""",
        "its gradient is `back`: does that only compute",
    ),
    (
        """
DEFUN
def back():
    return 1.0

@Defun(tf.float32, python_grad_func=back)
def f(x):
    return x
""",
        "asks more of op",
    ),
]


def migrated(tmp_path, text, **options):
    """Return (the text that a program is rewritten to, what is said of it)."""
    path = tmp_path / "program.py"
    path.write_text(text, encoding="utf-8")
    migration = apply.migrate([str(path)], **options)
    _, new = migration.files.get(str(path), (None, text.encode()))
    return new.decode(), migration.entries


# --- programs -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def programs():
    return rewritten()


@pytest.mark.parametrize("folder, wrap", [(REWRITTEN, False), (WRAPPED, True)])
def test_the_programs_are_rewritten_to_what_the_tests_on_tensorflow_run(folder, wrap):
    files = rewritten(wrap).files
    assert {os.path.basename(path) for path in files} == set(names(folder))
    for path, (_, new) in files.items():
        with open(os.path.join(folder, os.path.basename(path)), "rb") as file:
            assert new == file.read(), "{} is another now: python -m tests.migrate.rewritten".format(path)


def test_what_is_not_certain_is_left_untouched_and_said(programs):
    assert set(names(PROGRAMS)) - set(names(REWRITTEN)) == set(LEFT)
    said = collections.defaultdict(str)
    for entry in programs.entries:
        said[os.path.basename(entry.path)] += entry.what
    assert {name: LEFT[name] for name in LEFT if LEFT[name] not in said[name]} == {}


def test_rewriting_what_was_rewritten_changes_nothing():
    assert apply.migrate([REWRITTEN, WRAPPED]).files == {}
    assert apply.migrate([WRAPPED], wrap=True).files == {}


def test_comments_stay(programs):
    for path, texts in programs.files.items():
        before, after = map(_comments, texts)
        assert before == after, path


def _comments(data):
    tokens = tokenize.tokenize(io.BytesIO(data).readline)
    return sorted(token.string for token in tokens if token.type == tokenize.COMMENT)


@pytest.mark.parametrize("code, said", UNCERTAIN)
def test_a_block_that_does_more_than_compute_is_left(tmp_path, code, said):
    text = HEAD + code.replace("MAPPED", MAPPED).replace("DEFUN", DEFUN)
    new, entries = migrated(tmp_path, text)
    assert new == text
    assert [entry.action for entry in entries] == ["left"]
    assert said in entries[0].what


CERTAIN = [  # (code, what it has when rewritten)
    (
        """
import math

def f(x):
    MAPPED
        def inner(v):
            return tf.nn.relu(v) * math.pi
        with tf.name_scope("scaled"):
            y = inner(x)
            y += x
            z: object = y
            z.set_shape([2])
    return z
""",
        "def f_overridden(x):\n    def inner(v):",
    ),
    (
        """
def f(x):
    n = 0
    MAPPED
        y = x
        for _ in range(3):
            y = tf.nn.relu(y)
            n += 1
            if n == 2:
                break
    return y, n
""",
        "    y, n = f_overridden(x, n)\n",
    ),
    (
        """
def f(x):
    n = 0
    def count():
        nonlocal n
        n += 1
    count()
    MAPPED
        y = tf.nn.relu(x) * n
    return y
""",
        "    y = f_overridden(x, n)\n",
    ),
    (
        """
def f(x, k):
    with tf.name_scope("k"): k = k + 1
    MAPPED
        ys = sorted(x, key=lambda v: v * k)
        y = tf.nn.relu(ys[0])
    return y
""",
        "    y = f_overridden(x, k)\n",
    ),
    (
        """
def h(x, n):
    return x if n == 0 else h(tf.nn.relu(x), n - 1)

def f(x):
    MAPPED
        return h(x, 3)
""",
        "    return f_overridden(x)\n",
    ),
    (
        """
def f(x):
    MAPPED
        return tf.nn.relu(tf.nn.relu(x))
""",
        '@override_gradient(backward={"Relu": grad})\ndef f_overridden(x):\n    return tf.nn.relu(tf.nn.relu(x))\n',
    ),
    (
        """
def f(x):
    MAPPED
        with g.gradient_override_map({"Elu": "G"}):
            y = tf.nn.elu(x)
        return tf.nn.relu(y)
""",
        "def f_overridden(x):\n    y = override_gradient(tf.nn.elu, grad)(x)\n    return tf.nn.relu(y)\n",
    ),
    (
        """
def f(x):
    MAPPED
        return tf.nn.relu(x, "name")
""",
        'def f_overridden(x):\n    return tf.nn.relu(x, "name")\n',
    ),
    (
        """
MAPPED
    y = tf.nn.relu(x) * 2.0
""",
        'y = override_gradient(lambda: tf.nn.relu(x) * 2.0, {"Relu": grad})()\n',
    ),
    (
        """
def f(x, grad):
    MAPPED
        return tf.nn.relu(x)
""",
        """@override_gradient(backward={"Relu": 'G'})\ndef f_overridden(x):""",
    ),
    (
        """
from numpy import *

def f(x):
    MAPPED
        return tf.nn.relu(x)
""",
        "    return override_gradient(tf.nn.relu, grad)(x)\n",
    ),
    (
        """
from compat_grad import override_gradient

def f(x):
    MAPPED
        return tf.nn.relu(x)
""",
        "    return 2.0 * dy\n\n\n\nfrom compat_grad import override_gradient\n",
    ),
    (
        """
one = other
other = one

def f(x):
    MAPPED
        return tf.nn.relu(x)
""",
        "    return override_gradient(tf.nn.relu, grad)(x)\n",
    ),
    (
        """
DEFUN

@Defun(tf.float32, python_grad_func=grad)
def f(x):
    def several(v):
        return [v]
    return x
""",
        "@override_gradient(backward=grad)\ndef f(x):",
    ),
    (
        """
import numpy as np

def f(x):
    total = x * 1.0
    MAPPED
        y = tf.nn.relu(x) * np.sqrt(2.0)
        total += y
    return total
""",
        "def f_overridden(x, total):\n    y = tf.nn.relu(x) * np.sqrt(2.0)\n    total += y\n",
    ),
]


@pytest.mark.parametrize("code, written", CERTAIN)
def test_a_block_that_only_computes_is_rewritten(tmp_path, code, written):
    new, entries = migrated(tmp_path, HEAD + code.replace("MAPPED", MAPPED).replace("DEFUN", DEFUN))
    assert {entry.action for entry in entries} == {"rewritten"}
    assert written in new
    compile(new, "program.py", "exec")


@pytest.mark.skipif(sys.version_info >= (3, 10), reason="this Python reads match statements")
def test_what_only_a_newer_python_reads_is_left(tmp_path):
    code = "def f(x):\n    match x:\n        case 1:\n            y = x\n    MAPPED\n        return tf.nn.relu(x)\n"
    new, entries = migrated(tmp_path, HEAD + code.replace("MAPPED", MAPPED))
    assert new == HEAD + code.replace("MAPPED", MAPPED)
    assert "the Python that runs this cannot read it" in entries[0].what


def test_a_gradient_that_is_defined_below_is_not_named_above(tmp_path):
    head, definition = "import tensorflow.compat.v1 as tf\n\ng = tf.get_default_graph()\n\n", HEAD[HEAD.index("@") :]
    code = "def f(x):\n    MAPPED\n        y = tf.nn.relu(x) * 2.0\n        return y\n\n".replace("MAPPED", MAPPED)
    new, _ = migrated(tmp_path, head + code + definition)
    assert 'def f(x):\n    @override_gradient(backward={"Relu": grad})\n    def f_overridden(x):\n' in new


# --- what stands there instead --------------------------------------------------------------------------------


def test_names_that_the_module_has_are_not_taken(tmp_path):
    code = "def f_overridden():\n    pass\n\n\ndef f(x):\n    with g.gradient_override_map({'Relu': 'G'}):\n"
    new, _ = migrated(tmp_path, HEAD + code + "        return tf.nn.relu(x) * x\n")
    assert "return f_overridden_2(x)" in new and "def f_overridden_2(x):" in new


def test_a_block_at_the_top_of_a_script_keeps_its_names(tmp_path):
    code = "x = tf.ones([2])\nwith g.gradient_override_map({'Relu': 'G'}):\n    y = tf.nn.relu(x)\n    z = y * x\n"
    new, _ = migrated(tmp_path, HEAD + code)
    assert new.endswith("    y = tf.nn.relu(x)\n    z = y * x\n    return y, z\n\ny, z = block_overridden(x)\n")


def test_a_renamed_op_type_is_named_by_both_names(tmp_path):
    code = "def f(x):\n    with g.gradient_override_map({'Add': 'G'}):\n        return x + x\n"
    new, _ = migrated(tmp_path, HEAD + code)
    assert '@override_gradient(backward={"Add": grad, "AddV2": grad}, on_unused="ignore")' in new


@pytest.mark.parametrize("op_type", ["Div", "FusedBatchNorm", "MatrixDiag"])
def test_an_op_type_whose_successor_means_more_or_takes_more_is_left(tmp_path, op_type):
    """TensorFlow 1 has RealDiv, too, which a map on Div leaves alone; the V3 ops have more inputs or outputs."""
    block = "    with g.gradient_override_map(dict({}='G')):\n        y = x / x\n        return y * y\n"
    code = "def f(x):\n" + block.format(op_type)
    new, entries = migrated(tmp_path, HEAD + code)
    assert new == HEAD + code
    assert any("a person must name which of them is meant" in entry.what for entry in entries)


def test_lucids_maps_take_functions_already(tmp_path):
    code = (
        "from lucid.misc.gradient_override import gradient_override_map\n\n\n"
        "def f(x):\n    with gradient_override_map({'Relu': grad}):\n        y = tf.nn.relu(x)\n    return y\n"
    )
    new, _ = migrated(tmp_path, HEAD + code)
    assert 'y = override_gradient(tf.nn.relu, {"Relu": grad})(x)' in new
    assert "lucid" not in new


def test_a_registration_stays_while_anything_else_names_it(tmp_path):
    code = "def f(x):\n    with g.gradient_override_map({'Relu': 'G'}):\n        return tf.nn.relu(x)\n"
    assert "RegisterGradient" not in migrated(tmp_path, HEAD + code)[0]
    assert "RegisterGradient" in migrated(tmp_path, HEAD + code + "NAME = 'G'\n")[0]
    (tmp_path / "other.py").write_text("with g.gradient_override_map(dict(Elu='G')): pass\n")
    (_, new) = apply.migrate([str(tmp_path)]).files[str(tmp_path / "program.py")]
    assert "override_gradient(tf.nn.relu, grad)(x)" in new.decode()
    assert '@tf.RegisterGradient("G")' in new.decode()


@pytest.mark.parametrize(
    "made, stays",
    [("'G' + ''.join([str(n) for n in '12'])", True), ("'G' + (kept := str(1))", True), ("'G' + '1'", False)],
)
def test_a_name_stays_where_more_than_a_name_is_made(tmp_path, made, stays):
    code = (
        "def f(x):\n    name = {}\n    tf.RegisterGradient(name)(grad)\n"
        "    with g.gradient_override_map({{'Relu': name}}):\n        return tf.nn.relu(x)\n"
    )
    new, _ = migrated(tmp_path, HEAD + code.format(made))
    assert "    return override_gradient(tf.nn.relu, grad)(x)\n" in new
    assert ("name = " in new) is stays


def test_a_block_with_nothing_but_a_registration_keeps_a_statement(tmp_path):
    code = "def scale(op, dy):\n    return dy\n\nif True:\n    tf.RegisterGradient('S')(scale)\n\n"
    code += "def f(x):\n    with g.gradient_override_map({'Relu': 'S'}):\n        return tf.nn.relu(x)\n"
    new, _ = migrated(tmp_path, HEAD + code)
    assert "if True:\n    pass\n" in new


def test_a_name_that_is_made_in_many_steps_goes_altogether(tmp_path):
    steps = "".join("    n{} = n{}\n".format(number + 1, number) for number in range(8))
    code = (
        "def f(x):\n    n0 = 'G'\n{}    with g.gradient_override_map({{'Relu': n8}}):\n        return tf.nn.relu(x)\n"
    )
    new, _ = migrated(tmp_path, HEAD + code.format(steps))
    assert "n0" not in new


def test_encoding_and_line_ends_stay(tmp_path):
    text = "# -*- coding: latin-1 -*-\n# Größe\n" + HEAD
    text += "def f(x):\n    with g.gradient_override_map({'Relu': 'G'}):\n        return tf.nn.relu(x)\n"
    data = text.replace("\n", "\r\n").encode("latin-1")
    (tmp_path / "program.py").write_bytes(data)
    ((_, new),) = apply.migrate([str(tmp_path)]).files.values()
    assert "# Größe\r\n".encode("latin-1") in new
    assert new.count(b"\n") == new.count(b"\r\n")


# --- wrapped --------------------------------------------------------------------------------------------------

WRAPPABLE = [  # (code, what it has when wrapped)
    (
        """
def f(model, x):
    MAPPED
        return model(x)
""",
        "\n@honor_override_maps\ndef f(",
    ),
    (
        """
class C:
    @staticmethod
    @named
    def f(model, x):
        MAPPED
            return model(x)
""",
        "    @staticmethod\n    @honor_override_maps\n    @named\n    def f(",
    ),
    (
        """
@contextlib.contextmanager
def maps():
    with g.gradient_override_map(made()):
        yield

def f(x):
    with maps():
        return tf.nn.relu(x)
""",
        "\n@honor_override_maps\ndef f(",
    ),
    (
        """
def f(model, x):
    def counts():
        yield 1

    class Cell:
        total = 0
        total += 1

    MAPPED
        return model(x)
""",
        "\n@honor_override_maps\ndef f(",
    ),
]


@pytest.mark.parametrize("code, wrapped", WRAPPABLE)
def test_a_function_with_a_map_that_is_left_is_wrapped_if_asked_for(tmp_path, code, wrapped):
    text = HEAD + code.replace("MAPPED", MAPPED)
    assert migrated(tmp_path, text)[0] == text
    new, entries = migrated(tmp_path, text, wrap=True)
    assert wrapped in new and "from compat_grad import honor_override_maps\n" in new
    assert "wrapped" in [entry.action for entry in entries]
    assert migrated(tmp_path, new, wrap=True)[0] == new


# --- the command ----------------------------------------------------------------------------------------------

BLOCK = "def f(x):\n    with g.gradient_override_map({'Relu': 'G'}):\n        return tf.nn.relu(x)\n"


@pytest.fixture
def program(tmp_path):
    """A file that raises when it is imported."""
    path = tmp_path / "program.py"
    path.write_text(HEAD + BLOCK + "raise SystemError('was run')\n")
    return path


def test_a_diff_is_shown_and_nothing_written(program, capsys):
    before = program.read_text()
    assert main(["migrate", str(program)]) == 0
    printed = capsys.readouterr().out
    assert "-    with g.gradient_override_map({'Relu': 'G'}):" in printed
    assert "+    return override_gradient(tf.nn.relu, grad)(x)" in printed
    assert printed.splitlines()[-1] == "1 file looked at, 1 would be rewritten (--write does it): 1 rewritten."
    assert program.read_text() == before


def test_write_writes_and_a_second_time_there_is_nothing_to_do(program, capsys):
    program.chmod(0o750)
    assert main(["migrate", str(program), "--write"]) == 0
    assert "return override_gradient(tf.nn.relu, grad)(x)" in program.read_text()
    assert program.stat().st_mode & 0o777 == 0o750
    assert [one.name for one in program.parent.iterdir()] == ["program.py"]
    assert main(["migrate", str(program)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("1 file looked at, 0 would be rewritten")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(program, monkeypatch):
    before = program.read_text()

    def replace(*paths):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(OSError, match="no space left"):
        main(["migrate", str(program), "--write"])
    assert program.read_text() == before
    assert [one.name for one in program.parent.iterdir()] == ["program.py"]


def test_what_git_could_not_give_back_is_not_overwritten_without_force(program, capsys):
    def git(*args):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", str(program.parent), *identity, *args], check=True, stdout=subprocess.DEVNULL)

    before = program.read_text()
    git("init")
    assert main(["migrate", str(program), "--write"]) == 2
    assert "program.py: not in git" in capsys.readouterr().err
    git("add", "program.py")
    git("commit", "-m", "a")
    program.write_text(before + "x = 1\n")
    assert main(["migrate", str(program), "--write"]) == 2
    assert "program.py: changed and not committed" in capsys.readouterr().err
    assert program.read_text() == before + "x = 1\n"
    assert main(["migrate", str(program), "--write", "--force"]) == 0
    git("checkout", "program.py")
    assert main(["migrate", str(program), "--write"]) == 0
    assert program.read_text() != before


def test_exit_codes(tmp_path, capsys):
    (tmp_path / "clean.py").write_text("x = 1\n")
    assert main(["migrate", str(tmp_path)]) == 0
    (tmp_path / "left.py").write_text("with g.gradient_override_map(made()):\n    y = f(x)\n")
    assert main(["migrate", str(tmp_path)]) == 1
    assert "left.py:1: left: To decide: is `g` the default graph" in capsys.readouterr().out
    assert main(["migrate", str(tmp_path / "nothing")]) == 2


def test_python_2_and_notebooks_are_listed(tmp_path, capsys):
    (tmp_path / "old.py").write_text("print 'gradient_override_map'\n")
    cell = {"cell_type": "code", "source": ["with g.gradient_override_map({'Relu': 'G'}): pass"]}
    (tmp_path / "notebook.ipynb").write_text(json.dumps({"cells": [cell]}))
    assert main(["migrate", str(tmp_path), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    reasons = {os.path.basename(one["path"]): one["reason"] for one in report["unread"]}
    assert "not Python 3 (" in reasons["old.py"]
    assert reasons["notebook.ipynb"].startswith("a notebook, which is not rewritten")


def test_what_cannot_be_read_is_told_at_the_end(tmp_path, capsys):
    (tmp_path / "deep.py").write_text("# gradient_override_map\nx = {}1\n".format("-" * 3000))
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere")
    (tmp_path / "data.txt").write_text("gradient_override_map")
    assert main(["migrate", str(tmp_path)]) == 1
    gone, deep, summary = capsys.readouterr().out.splitlines()
    assert deep == "{}: left: an expression is nested too deeply".format(tmp_path / "deep.py")
    assert gone.startswith("{}: left: [Errno 2] No such file".format(tmp_path / "gone.py"))
    assert summary == "2 files looked at, 0 would be rewritten (--write does it); 2 not rewritten."


def test_where_git_cannot_be_asked_nothing_is_written_without_force(program, monkeypatch, capsys):
    (program.parent / ".git").write_text("no repository")
    before = program.read_bytes()
    assert main(["migrate", str(program), "--write"]) == 2
    assert "git does not tell of {}".format(program.parent) in capsys.readouterr().err
    monkeypatch.setenv("PATH", str(program.parent))
    assert main(["migrate", str(program), "--write"]) == 2
    assert "git does not tell of {}: [Errno 2]".format(program.parent) in capsys.readouterr().err
    assert program.read_bytes() == before


@pytest.mark.parametrize("command", ["migrate", "scan"])
def test_without_libcst_it_says_what_to_install(command, program, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "libcst", None)
    assert main([command, str(program)]) == 2
    assert "pip install" in capsys.readouterr().err


def test_json_holds_all_of_it(program, capsys):
    assert main(["migrate", str(program), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["files"], report["changed"], report["written"]) == (1, [str(program)], False)
    (entry,) = report["entries"]
    assert (entry["line"], entry["action"]) == (13, "rewritten")
    assert "Relu ops: grad" in entry["what"]


def test_tensorflow_is_neither_needed_nor_loaded(program):
    code = "import sys; sys.modules['tensorflow'] = None; from compat_grad.__main__ import main; sys.exit(main({!r}))"
    command = [sys.executable, "-c", code.format(["migrate", str(program), "--write"])]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("package, is_its_own", [("tensorflow", True), ("tensorflow_core", True), ("mine", False)])
def test_tensorflow_itself_is_left(tmp_path, package, is_its_own):
    """It would import compat_grad, which imports it."""
    for folder in (package, package + "/python", package + "/python/framework"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").write_text("")
    (tmp_path / package / "python" / "framework" / "ops.py").write_text("")
    path = tmp_path / package / "python" / "layers.py"
    path.write_text(
        HEAD
        + """def f(x, h):
    with g.gradient_override_map({"Relu": "G"}):
        return h(x)
"""
    )
    migration = apply.migrate([str(tmp_path)], wrap=True)
    assert list(migration.files) == ([] if is_its_own else [str(path)])
    assert [one.reason for one in migration.unread] == ([apply._TENSORFLOW] if is_its_own else [])


def test_a_folder_called_tensorflow_is_not_tensorflow(tmp_path):
    package = tmp_path / "tensorflow"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "layers.py").write_text(
        HEAD
        + """def f(x, h):
    with g.gradient_override_map({"Relu": "G"}):
        return h(x)
"""
    )
    assert len(apply.migrate([str(tmp_path)], wrap=True).files) == 1
