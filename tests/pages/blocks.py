"""The Python blocks of the pages (the README and docs/), and how each runs in the worlds that it is for.

The words behind ```python say where a block runs: graph, eager, function (there the helper `gradient` goes through a
tf.function), or, without any of these, in all three; tf2 is for what is written in TensorFlow 2's own names. A "before"
is for graphs unless it says more. Blocks go on from those above them on their page; a "before" and an "after" leave
nothing behind, and neither does what is "alone", which starts from nothing, too.
"""

import collections
import contextlib
import functools
import io
import re
from pathlib import Path

import tensorflow as tf

from tests import modes

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

ROLES = ("before", "after", "alone")
WORLDS = {  # name -> (whether this process has it, what to say where it has not)
    "graph": (modes.HAS_GRAPHS, "this TensorFlow refuses tf.gradients while eager execution is enabled"),
    "eager": (modes.HAS_EAGER, "this TensorFlow process has no eager mode"),
    "function": (modes.HAS_FUNCTIONS, "this TensorFlow process has no tf.function in eager mode"),
    "tf2": (modes.HAS_EAGER and modes.IS_TF2, "this block is in TensorFlow 2's own names, for its own behaviour"),
}
Block = collections.namedtuple("Block", "path line section role worlds code")


def name_of(page):
    """Return what a page is called in the tests: "README", "docs/guide"."""
    return page.relative_to(ROOT).with_suffix("").as_posix()


def read_blocks(page):
    """Return a page's Python blocks, in order."""
    text = page.read_text(encoding="utf-8")
    fence = re.compile(r"^```python *(.*)\n((?:.*\n)*?)```$|^#+ (.*)$", re.MULTILINE)
    blocks, section = [], None
    for found in fence.finditer(text):
        words, code, title = found.groups()
        if title is not None:
            section = title
        else:
            blocks.append(_make_block(page, text.count("\n", 0, found.start()) + 1, section, words.split(), code))
    return blocks


def _make_block(page, line, section, words, code):
    roles = [word for word in words if word in ROLES]
    worlds = [word for word in words if word in WORLDS]
    assert roles[1:] == [] and len(roles) + len(worlds) == len(words), "{} line {}: {}".format(page, line, words)
    role = roles[0] if roles else None
    worlds = worlds or (["graph"] if role == "before" else ["graph", "eager", "function"])
    return Block(page, line, section, role, tuple(worlds), code)


BLOCKS = [block for page in PAGES for block in read_blocks(page)]

# --- running them ---------------------------------------------------------------------------------------------

Outcome = collections.namedtuple("Outcome", "names printed lacks")
Outcome.__doc__ = """What came of a block: the names it knows, the lines it printed, what TensorFlow lacks."""


@functools.lru_cache(maxsize=None)  # once: a gradient can be registered only once in a process
def run(block, world):
    """Run block in a world, after the blocks above that it goes on from; return the Outcome."""
    above = _above(block, world)
    names = dict(run(above[-1], world).names) if above else {"__name__": __name__}
    present, lacks = WORLDS[world]
    if not present:
        return Outcome(names, [], lacks)
    code = compile("\n" * block.line + block.code, str(block.path), "exec")  # AutoGraph finds the source by its lines
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


def _above(block, world):
    """Return the blocks that this one goes on from. What runs in eager mode anyway goes on from there in tf2."""
    if block.role == "alone":
        return []
    return [
        b
        for b in BLOCKS
        if b.path == block.path
        and b.line < block.line
        and b.role is None
        and (world in b.worlds or (world == "tf2" and "eager" in b.worlds))
    ]


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
