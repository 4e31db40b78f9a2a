"""Threads that differentiate overrides at once get their own gradients, and each name is registered once."""

import sys

import pytest
import tensorflow as tf

from compat_grad import _tf, override_gradient
from tests import modes
from tests.long import at_once

CALLS = 3


@pytest.fixture(autouse=True)
def _threads_that_interrupt_each_other():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.skipif(modes.graphs_are_eager(), reason="the functions of 1.6 and 1.7 are not for several threads")
def test_threads_in_every_mode_get_their_own_gradients():
    names = at_once.registered_after_collection()
    assert at_once.check_ways(CALLS) == at_once.THREADS * CALLS * len(at_once.ways())
    assert at_once.registered_after_collection() == names


def test_threads_that_build_in_one_graph_get_their_own_gradients(graph):
    names = at_once.registered_after_collection()
    assert at_once.check_one_graph(CALLS) == at_once.THREADS * CALLS
    assert at_once.registered_after_collection() == names


def test_of_threads_that_register_one_name_at_once_one_succeeds():
    """TensorFlow looks whether a name is free, walks its stack, and then takes the name: two would succeed."""
    for attempt in range(30):
        name = "compat_grad contested {}".format(attempt)

        def register(number, name=name):
            try:
                _tf.register_gradient(name)(lambda op, dy: number * dy)
            except KeyError:
                return None
            return number

        winners = [number for number in at_once.run_at_once(register) if number is not None]
        assert len(winners) == 1
        assert _tf.registered_gradient(name)(None, 1) == winners[0]
        _tf.unregister_gradient(name)


def test_one_override_is_registered_once_by_all_threads():
    for attempt in range(10):
        name = "once for all {}".format(attempt)
        before = _tf.registered_names()
        f = override_gradient(tf.square, {"Square": lambda op, dy: 10.0 * dy}, name=name)

        def work(number, f=f):
            with tf.Graph().as_default():
                return f(tf.constant(1.0))

        at_once.run_at_once(work)
        new = {name for name in _tf.registered_names() - before if ":" not in name}
        assert len(new) == 1, sorted(new)
