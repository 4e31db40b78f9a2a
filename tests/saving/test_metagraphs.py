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
    """[what the graphs gave here, with the overrides defined again, and without], by their names; and a fork's."""
    if not modes.HAS_GRAPHS or not _tf.has_identity_n_op:
        pytest.skip("this TensorFlow has no graphs here, or (before 1.4) no IdentityN that a GraphDef could hold")
    folder = str(tmp_path_factory.mktemp("graphs"))
    results = [metagraphs.export(folder)]
    done = subprocess.run(
        [sys.executable, metagraphs.__file__, folder],
        env=dict(os.environ, PYTHONPATH=ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    for how in ("defined", "undefined", "forked"):
        with open(os.path.join(folder, how + ".json")) as file:
            results.append(json.load(file))
    return results


CALLS = ["one", "two", "plain", "surrogate", "by op", "captured", "formula inside"]


@pytest.mark.parametrize("name", CALLS)
def test_defined_again_the_override_gives_first_and_second_derivatives(graphs, name):
    here, defined, _, _ = graphs
    assert defined[name] == here[name]
    assert len(here[name]["gradients"]) == 2  # "captured" has that of the variable, and no second one


@pytest.mark.parametrize("name", CALLS)
def test_without_it_the_error_names_the_override(graphs, name):
    here, _, undefined, _ = graphs
    assert undefined[name]["value"] == here[name]["value"]
    if name == "surrogate":  # whose gradient is in the graph already
        assert undefined[name] == here[name]
        return
    override = {"one": "mg_ten", "two": "mg_ten", "plain": "mg_scaled", "by op": "mg_relus", "captured": "mg_captures"}
    assert override.get(name, "mg_formula") in undefined[name]["raised"]


def test_an_argument_that_a_graph_cannot_tell_is_an_error_that_says_so(graphs):
    here, defined, _, _ = graphs
    assert defined["untold"]["value"] == here["untold"]["value"]
    for words in ("'mg_untold'", "an argument of type complex", "a graph cannot tell"):
        assert words in defined["untold"]["raised"]


def test_what_a_backward_recomputes_inside_of_gradients_of_op_types_is_an_error(graphs):
    here, defined, _, _ = graphs
    assert defined["again inside"]["value"] == here["again inside"]["value"]
    for words in ("'mg_again'", "inside of an override of the gradients of Relu", "the graph cannot tell with which"):
        assert words in defined["again inside"]["raised"]
    assert len(here["again inside"]["gradients"]) == 2


def test_the_graph_of_a_fork_is_not_taken_for_that_of_its_parent(graphs):
    """Both have the same counters when they make their overrides."""
    x = metagraphs.X
    _, _, _, forked = graphs
    assert forked["undefined"]["value"] == forked["defined"]["value"] == (4 * x).tolist()
    assert "'mg_in_fork'" in forked["undefined"]["raised"]
    assert forked["defined"]["gradients"] == [(12 * x).tolist(), [12.0] * 3]
