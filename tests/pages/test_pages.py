"""Every Python block of every page runs, prints what its comments say, and each "after" has its "before"'s gradient."""

import re

import numpy as np
import pytest

from compat_grad.__main__ import main
from tests import modes
from tests.pages.blocks import BLOCKS, PAGES, ROOT, WORLDS, name_of, run

PRINT = re.compile(r"^ *print\(.*\)(?:  # (.*))?$", re.MULTILINE)
RUNS = [(block, world) for block in BLOCKS for world in block.worlds]
PAIRS = [block for block in BLOCKS if block.role == "after"]
NEWER = {"this TensorFlow has no tf.register_keras_serializable"}  # which TensorFlow 2.1 has and 2.0 has not


def in_words(block, *more):
    return ", ".join(["{} line {}".format(name_of(block.path), block.line), *more])


@pytest.mark.parametrize("block, world", RUNS, ids=[in_words(*pair) for pair in RUNS])
def test_a_block_prints_what_its_comments_say(block, world):
    outcome = run(block, world)
    if outcome.lacks:
        pytest.skip(outcome.lacks)
    assert outcome.printed == PRINT.findall(block.code)


@pytest.mark.parametrize("after", PAIRS, ids=[block.section for block in PAIRS])
def test_before_and_after_give_the_same_gradient(after, graph):
    (before,) = [b for b in BLOCKS if b.role == "before" and (b.path, b.section) == (after.path, after.section)]
    gradients = []
    for block in (before, after):
        outcome = run(block, "graph")
        if outcome.lacks:
            pytest.skip(outcome.lacks)
        (name,) = re.findall(r"print\(gradient\((\w+), \[", block.code)
        points = np.array([0.125, 0.3, 0.5, 0.7, 1.0, 1.7, 2.0, 3.1, 50.0], np.float32)
        gradients.append(outcome.names["gradient"](outcome.names[name], points))
    modes.assert_same_bits(gradients[1], gradients[0], after.section)


@pytest.mark.skipif(
    not all(present for present, _ in WORLDS.values()), reason="some blocks are for modes that this process lacks"
)
def test_no_block_is_skipped_everywhere():
    lacks = {in_words(block): [run(block, world).lacks for world in block.worlds] for block in BLOCKS}
    idle = {words: why for words, why in lacks.items() if all(why) and not NEWER.issuperset(why)}
    assert not idle, "these blocks run in no mode"


@pytest.mark.parametrize("block", BLOCKS, ids=in_words)
def test_every_block_can_fail(block):
    comments = PRINT.findall(block.code)
    assert all(comments), "a print without its output"
    assert comments or "assert " in block.code, "it proves nothing"


def test_every_pattern_of_the_table_leads_to_a_before_and_an_after():
    anchors = re.findall(
        r"^\| \[.*\]\(docs/migration.md#(.*?)\) \|", PAGES[0].read_text(encoding="utf-8"), re.MULTILINE
    )
    assert anchors == [re.sub(r"[^\w -]", "", block.section).lower().replace(" ", "-") for block in PAIRS]


def test_the_reference_has_every_public_name():
    from compat_grad import keras, testing

    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\.\. auto(?:class|function|exception):: (\w+)$", text, re.MULTILINE))
    assert set(testing.__all__) | set(keras.__all__) == named
    assert ".. automodule:: compat_grad\n   :members:\n" in text  # all of its own


def test_the_readme_is_read_in_a_minute():
    assert len(PAGES[0].read_text(encoding="utf-8").splitlines()) <= 250


def test_the_commands_exist(capsys):
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for command in sorted(set(re.findall(r"python -m compat_grad (\w+)", text))):
        with pytest.raises(SystemExit) as end:
            main([command, "--help"])
        assert end.value.code == 0
        assert "python -m compat_grad " + command in capsys.readouterr().out


def test_the_commands_name_environments_that_tox_has():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    named = re.findall(r"tox run -e ([\w.-]+)", text)
    assert {"here", "docs"} <= set(named)
    for name in set(named) - {"py311-tf2.15"}:  # which the list has in another way
        assert "[testenv:{}]".format(name) in tox, name
