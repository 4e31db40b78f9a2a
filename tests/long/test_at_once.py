"""2,000 calls in each of eight threads and in each way, 1,000 runs of a notebook's cell, and processes."""

import os
import subprocess
import sys

import pytest
import tensorflow as tf

from compat_grad import override_gradient
from tests.long import at_once
from tests.long.how_much import scaled
from tests.processes import where_compat_grad_is
from tests.strategies.test_tasks import counted, define_again


def test_threads_in_every_mode_get_their_own_gradients():
    names, calls = at_once.registered_after_collection(), scaled(2000)
    assert at_once.check_ways(calls) == at_once.THREADS * calls * len(at_once.ways())
    assert at_once.registered_after_collection() == names


def test_threads_that_build_in_one_graph_get_their_own_gradients(graph):
    names, calls = at_once.registered_after_collection(), scaled(2000)
    assert at_once.check_one_graph(calls) == at_once.THREADS * calls
    assert at_once.registered_after_collection() == names


def test_a_cell_run_a_thousand_times_leaves_nothing_behind(mode):
    notebook = {"override_gradient": override_gradient, "tf": tf, "__name__": "__main__"}
    define_again(mode, 3, notebook)
    before = counted()
    define_again(mode, scaled(1000), notebook)
    assert all(now <= then for now, then in zip(counted(), before))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
def test_overrides_in_forked_and_spawned_processes():
    path = os.pathsep.join([*where_compat_grad_is(), os.path.dirname(os.path.dirname(os.path.dirname(__file__)))])
    done = subprocess.run(
        [sys.executable, "-m", "tests.long.processes"],
        env=dict(os.environ, PYTHONPATH=path),
        stdout=subprocess.PIPE,
        universal_newlines=True,
        timeout=600,
    )
    assert done.returncode == 0 and done.stdout.split()[-1] == "right"
