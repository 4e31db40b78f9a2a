"""Every Python block of the README runs, prints what its comments say, and each "after" has its "before"'s gradient.

The words behind ```python say where a block runs: graph, eager, function (there the helper `gradient` goes through a
tf.function), or, without any of these, in all three. A "before" is for graphs unless it says more. Blocks go on from
those above them; a "before" and an "after" leave nothing behind.
"""

import collections
import contextlib
import functools
import io
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from compat_grad.__main__ import main
from tests import modes

README = Path(__file__).resolve().parent.parent / "README.md"
TEXT = README.read_text(encoding="utf-8")

# --- the blocks -----------------------------------------------------------------------------------------------

WORLDS = {  # name -> (whether this process has it, what to say where it has not)
    "graph": (modes.HAS_GRAPHS, "this TensorFlow refuses tf.gradients while eager execution is enabled"),
    "eager": (modes.HAS_EAGER, "this TensorFlow process has no eager mode"),
    "function": (modes.HAS_FUNCTIONS, "this TensorFlow process has no tf.function in eager mode"),
}
Block = collections.namedtuple("Block", "line section role worlds code")


def read_blocks():
    """Return the README's Python blocks, in order."""
    fence = re.compile(r"^```python *(.*)\n((?:.*\n)*?)```$|^#+ (.*)$", re.MULTILINE)
    blocks, section = [], None
    for found in fence.finditer(re.sub("^# ", "## ", TEXT)):
        words, code, title = found.groups()
        if title is not None:
            section = title
        else:
            blocks.append(_make_block(TEXT.count("\n", 0, found.start()) + 1, section, words.split(), code))
    return blocks


def _make_block(line, section, words, code):
    roles = [word for word in words if word in ("before", "after")]
    worlds = [word for word in words if word in WORLDS]
    assert roles[1:] == [] and len(roles) + len(worlds) == len(words), "README line {}: {}".format(line, words)
    role = roles[0] if roles else None
    worlds = worlds or (["graph"] if role == "before" else list(WORLDS))
    return Block(line, section, role, tuple(worlds), code)


BLOCKS = read_blocks()
RUNS = [(block, world) for block in BLOCKS for world in block.worlds]
PAIRS = [block.section for block in BLOCKS if block.role == "after"]


def the(role, section):
    """Return the one block of this role in a section."""
    (block,) = [block for block in BLOCKS if block.role == role and block.section == section]
    return block


# --- running them ---------------------------------------------------------------------------------------------

Outcome = collections.namedtuple("Outcome", "names printed lacks")
Outcome.__doc__ = """What came of a block: the names it knows, the lines it printed, what TensorFlow lacks."""


@functools.lru_cache(maxsize=None)  # once: a gradient can be registered only once in a process
def run(block, world):
    """Run block in a world, after the blocks above that it goes on from; return the Outcome."""
    above = [b for b in BLOCKS if b.line < block.line and b.role is None and world in b.worlds]
    names = dict(run(above[-1], world).names) if above else {"__name__": __name__}
    present, lacks = WORLDS[world]
    if not present:
        return Outcome(names, [], lacks)
    code = compile("\n" * block.line + block.code, str(README), "exec")  # AutoGraph finds the source by its lines
    printed, lacks = io.StringIO(), None
    with in_world(world), contextlib.redirect_stdout(printed):
        try:
            exec(code, names)
        except (AttributeError, ImportError, RuntimeError) as error:
            lacks = _what_is_missing(error)
            if lacks is None:
                raise
    if world == "function" and "gradient" in names:
        names["gradient"] = _through_a_function(names["gradient"])
    return Outcome(names, printed.getvalue().splitlines(), lacks)


def in_world(world):
    """Return the context in which a world's code runs."""
    return tf.Graph().as_default() if world == "graph" else contextlib.ExitStack()


def _through_a_function(gradient):
    gradient = getattr(gradient, "__wrapped__", gradient)

    @functools.wraps(gradient)
    def gradient_through_a_function(f, *values):
        return gradient(tf.function(f), *values)

    return gradient_through_a_function


def _what_is_missing(error):
    """Return what TensorFlow lacks if that is what error says, else None."""
    name = re.search(r"^module 'tensorflow[\w.]*' has no attribute '(\w+)'", str(error))
    if name:
        return "this TensorFlow has no tf." + name.group(1)
    if re.match("tf.Variable not supported (when eager|in Eager)", str(error)):
        return "this TensorFlow has no tf.Variable in eager mode"
    if isinstance(error, ImportError) and (error.name or "").startswith("tensorflow"):
        return "this TensorFlow has no " + error.name
    return None


# --- the tests ------------------------------------------------------------------------------------------------

PRINT = re.compile(r"^ *print\(.*\)(?:  # (.*))?$", re.MULTILINE)


@pytest.mark.parametrize("block, world", RUNS, ids=["line {}, {}".format(block.line, world) for block, world in RUNS])
def test_a_block_prints_what_its_comments_say(block, world):
    outcome = run(block, world)
    if outcome.lacks:
        pytest.skip(outcome.lacks)
    assert outcome.printed == PRINT.findall(block.code)


@pytest.mark.parametrize("section", PAIRS)
def test_before_and_after_give_the_same_gradient(section, graph):
    gradients = []
    for block in (the("before", section), the("after", section)):
        outcome = run(block, "graph")
        if outcome.lacks:
            pytest.skip(outcome.lacks)
        (name,) = re.findall(r"print\(gradient\((\w+), \[", block.code)
        points = np.array([0.125, 0.3, 0.5, 0.7, 1.0, 1.7, 2.0, 3.1, 50.0], np.float32)
        gradients.append(outcome.names["gradient"](outcome.names[name], points))
    modes.assert_same_bits(gradients[1], gradients[0], section)


@pytest.mark.skipif(
    not all(present for present, _ in WORLDS.values()), reason="some blocks are for modes that this process lacks"
)
def test_no_block_is_skipped_everywhere():
    idle = [block.line for block in BLOCKS if all(run(block, world).lacks for world in block.worlds)]
    assert not idle, "these blocks, by their lines, run in no mode"


def test_every_block_can_fail():
    for block in BLOCKS:
        comments = PRINT.findall(block.code)
        assert all(comments), "README line {}: a print without its output".format(block.line)
        assert comments or "assert " in block.code, "README line {} proves nothing".format(block.line)


def test_every_pattern_of_the_table_leads_to_a_before_and_an_after():
    anchors = re.findall(r"^\| \[.*\]\(#(.*?)\) \|", TEXT, re.MULTILINE)
    assert anchors == [re.sub(r"[^\w -]", "", section).lower().replace(" ", "-") for section in PAIRS]


@pytest.mark.parametrize("command", sorted(set(re.findall(r"python -m compat_grad (\w+)", TEXT))))
def test_the_commands_exist(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert "python -m compat_grad " + command in capsys.readouterr().out
