"""Every Python block of the README runs, prints what its comments say, and each "after" has its "before"'s gradient.

The word behind ```python says where a block runs: graph, eager, function (the helper `gradient` then goes through
tf.function), or, without any of these, in all of them. A "before" is a graph block unless it says more. Blocks go on
from those above them; "before" and "after" see what stands above their pair and leave nothing behind.
"""

import ast
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

Block = collections.namedtuple("Block", "line section role worlds code")
WORLDS = ("graph", "eager", "function")
PRESENT = {"graph": modes.HAS_GRAPHS, "eager": modes.HAS_EAGER, "function": modes.HAS_FUNCTIONS}
LACKS = {
    "graph": "this TensorFlow refuses tf.gradients while eager execution is enabled",
    "eager": "this TensorFlow process has no eager mode",
    "function": "this TensorFlow process has no tf.function in eager mode",
}


def read_blocks():
    """Return the README's Python blocks, in order."""
    blocks, section, start = [], None, None
    for number, line in enumerate(TEXT.splitlines(), 1):
        if start is None:
            section = line.lstrip("# ") if line.startswith("#") else section
            fence = re.match(r"```python(.*)", line)
            if fence:
                words, start, code = fence.group(1).split(), number, []
        elif line == "```":
            blocks.append(make_block(start, section, words, "\n".join(code) + "\n"))
            start = None
        else:
            code.append(line)
    return blocks


def make_block(line, section, words, code):
    """Return the Block whose fence, on that line, has these words; the code keeps its line numbers."""
    roles = [word for word in words if word in ("before", "after")]
    worlds = tuple(word for word in words if word in WORLDS)
    assert len(roles) <= 1 and len(roles) + len(worlds) == len(words), "line {}: {}".format(line, words)
    role = roles[0] if roles else None
    return Block(line, section, role, worlds or (("graph",) if role == "before" else WORLDS), "\n" * line + code)


BLOCKS = read_blocks()
PAIRS = sorted({block.section for block in BLOCKS if block.role}, key=TEXT.index)


class Lacking(Exception):
    """The running TensorFlow has not got what a block needs."""


@functools.lru_cache(maxsize=None)  # a gradient can be registered only once in a process
def run(block, world):
    """Run block in world after those that it goes on from; return (its names, the lines that it printed)."""
    if not PRESENT[world]:
        raise Lacking(LACKS[world])
    names = names_above(block, world)
    printed = io.StringIO()
    with scope(world), contextlib.redirect_stdout(printed):
        try:
            exec(compile(block.code, str(README), "exec"), names)
        except (AttributeError, ImportError) as error:
            raise lack(error)
    return names, printed.getvalue().splitlines()


def names_above(block, world):
    """Return the names that the blocks above have left."""
    above = [b for b in BLOCKS if b.line < block.line and not b.role and world in b.worlds]
    names = dict(run(above[-1], world)[0]) if above else {"__name__": "readme"}
    if world == "function" and "gradient" in names and not above[-1].code.strip().startswith("def gradient"):
        pass
    return names


def scope(world):
    return tf.Graph().as_default() if world == "graph" else contextlib.suppress()


def lack(error):
    """Return the Lacking that error means, or error itself where TensorFlow has nothing to do with it."""
    missing = re.search(r"module 'tensorflow[\w.]*' has no attribute '(\w+)'", str(error))
    if missing:
        return Lacking("this TensorFlow has no tf." + missing.group(1))
    if isinstance(error, ImportError) and "tensorflow" in str(error):
        return Lacking("this TensorFlow lacks something: {}".format(error))
    return error
