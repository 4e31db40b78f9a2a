"""MetaGraphs, imported in another process: with the overrides defined again there, and without."""

import json
import os
import subprocess
import sys

import pytest

from compat_grad import _tf
from tests import modes
from tests.saving import metagraphs

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """(what the graphs gave here, what they gave with the overrides defined again, and without), by their names."""
    if not modes.HAS_GRAPHS or not _tf.has_identity_n_op:
        pytest.skip("this TensorFlow has no graphs here, or (before 1.4) no IdentityN that a GraphDef could hold")
    folder = str(tmp_path_factory.mktemp("graphs"))
    results = [metagraphs.export(folder)]
    for how in ("defined", "undefined"):
        done = subprocess.run(
            [sys.executable, metagraphs.__file__, folder, how],
            env=dict(os.environ, PYTHONPATH=ROOT),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
        )
        assert done.returncode == 0, done.stdout[-3000:]
        with open(os.path.join(folder, how + ".json")) as file:
            results.append(json.load(file))
    return results


CALLS = ["one", "two", "plain", "surrogate", "by op", "captured"]


@pytest.mark.parametrize("name", CALLS)
def test_defined_again_the_override_gives_first_and_second_derivatives(graphs, name):
    here, defined, _ = graphs
    assert defined[name] == here[name]
    assert len(here[name]["gradients"]) == 2  # "captured" has that of the variable, and no second one


@pytest.mark.parametrize("name", CALLS)
def test_without_it_the_error_names_the_override(graphs, name):
    here, _, undefined = graphs
    assert undefined[name]["value"] == here[name]["value"]
    if name == "surrogate":  # whose gradient is in the graph already
        assert undefined[name] == here[name]
        return
    override = {"one": "mg_ten", "two": "mg_ten", "plain": "mg_scaled", "by op": "mg_relus", "captured": "mg_captures"}
    assert override[name] in undefined[name]["raised"]


def test_an_argument_that_a_graph_cannot_tell_is_an_error_that_says_so(graphs):
    here, defined, _ = graphs
    assert defined["untold"]["value"] == here["untold"]["value"]
    for words in ("'mg_untold'", "an argument of type complex", "a graph cannot tell"):
        assert words in defined["untold"]["raised"]
