"""Threads that differentiate overrides at once get their own gradients, and each name is registered once."""

import sys
import threading

import numpy as np
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


NEEDS_FUNCTIONS_FOR_THREADS = pytest.mark.skipif(
    modes.graphs_are_eager(), reason="1.6 and 1.7 make the gradient of a gradient in all threads at once"
)


@NEEDS_FUNCTIONS_FOR_THREADS
def test_threads_in_every_mode_get_their_own_gradients():
    names = at_once.registered_after_collection()
    assert at_once.check_ways(CALLS) == at_once.THREADS * CALLS * len(at_once.ways())
    if modes.HAS_EAGER and not modes.functions_with_a_tape_outside_are_collected():
        return  # of traces that TensorFlow itself keeps (1.13, 1.14), the gradients stay as well
    assert at_once.registered_after_collection() == names


def test_threads_that_build_in_one_graph_get_their_own_gradients(graph):
    names = at_once.registered_after_collection()
    assert at_once.check_one_graph(CALLS) == at_once.THREADS * CALLS
    assert at_once.registered_after_collection() == names


@NEEDS_FUNCTIONS_FOR_THREADS
def test_threads_that_begin_with_one_override_of_ops_at_once_each_get_its_gradient(eager):
    """The first call of a kind decides how such calls go: traced, op by op, or not at all."""

    def made_of_each_other(x):
        y = tf.square(x)
        return y, tf.square(y)

    def gradient(f, x):
        return modes.by_tape(f, [x])[1][0]

    for _ in range(10):
        f = override_gradient(lambda x: tf.square(tf.square(x)), {"Square": lambda op, dy: 10.0 * dy})
        pair = override_gradient(made_of_each_other, {"Square": lambda op, dy: 10.0 * dy}, name="pair")

        def work(number, f=f, pair=pair):
            x = tf.constant(np.full([number % 2 + 1], 3.0, np.float32))
            np.testing.assert_array_equal(gradient(f, x).numpy(), np.full(x.shape.as_list(), 100.0))
            try:
                found = gradient(lambda x: pair(x)[1], x)
            except ValueError as refused:
                assert "'pair': a tape sees forward as one op" in str(refused)
                return False
            np.testing.assert_array_equal(found.numpy(), np.full(x.shape.as_list(), 100.0))
            return True

        assert set(at_once.run_at_once(work)) == {_tf.has_op_callbacks}


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


def test_those_alive_are_looked_through_while_another_thread_adds_some():
    class Thing:
        pass

    alive, kept, done = _tf.Alive(), [Thing() for _ in range(100)], threading.Event()

    def add():
        mine = []
        while not done.is_set():
            mine.append(Thing())
            alive.add(mine[-1])
            if len(mine) > 500:
                mine.clear()

    for thing in kept:
        alive.add(thing)
    adding = threading.Thread(target=add)
    adding.start()
    try:
        for _ in range(500):
            assert list(alive)[:100] == kept
    finally:
        done.set()
        adding.join()
