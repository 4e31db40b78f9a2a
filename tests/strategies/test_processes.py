"""Graphs that were built in another process, a fork of this one included: their gradients are never a stranger's."""

import contextlib
import gc
import os
import signal
import threading

import pytest
import tensorflow as tf

from compat_grad import _tf, override_gradient
from compat_grad._tf import threads
from tests.modes import v1

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")


def _function_level(factor):
    return override_gradient(lambda x: 2.0 * x, lambda op, dy: factor * dy)


def _op_level(factor):
    return override_gradient(tf.nn.relu, {"Relu": lambda op, dy: factor * dy})


def _graph_of(make, factor):
    """Return a graph from "x" to "y" with a new override."""
    with tf.Graph().as_default() as graph:
        tf.identity(make(factor)(v1.placeholder(tf.float32, [2], name="x")), name="y")
    return graph


def _serialised_by_a_fork(build):
    """Return the graph that build returns in a forked process, as a serialised GraphDef."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        gc.disable()  # a session of the parent's that the child collects waits for threads that only the parent has
        signal.alarm(60)  # whatever else TensorFlow waits for: the parent reads to the end of the pipe
        try:
            os.write(writing, build().as_graph_def().SerializeToString())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        serialised = pipe.read()
    os.waitpid(child, 0)
    return serialised


@pytest.mark.skipif(not _tf.has_identity_n_op, reason="TensorFlow 1.0 cannot import the call of a function")
@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("make", [_function_level, _op_level])
def test_a_graph_of_a_forked_process_gets_no_gradient_of_this_one(make, graph):
    _graph_of(make, 5.0)  # the fork inherits what has been counted and registered so far
    serialised = _serialised_by_a_fork(lambda: _graph_of(make, 111.0))
    unrelated = [_graph_of(make, 999.0) for _ in range(3)]
    graph_def = v1.GraphDef()
    graph_def.ParseFromString(serialised)
    assert graph_def.node
    x = tf.constant([1.0, 2.0])
    (y,) = tf.import_graph_def(graph_def, input_map={"x": x}, return_elements=["y:0"])
    with pytest.raises(LookupError):
        v1.gradients(y, x)
    del unrelated


@pytest.mark.skipif(not _tf.has_identity_n_op, reason="TensorFlow 1.0 cannot import the call of a function")
@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("make", [_function_level, _op_level])
@pytest.mark.parametrize("used_before", [False, True])
def test_an_override_made_before_a_fork_has_its_gradient_in_the_child(make, used_before, graph):
    """The child differentiates; what it built is run here. (TensorFlow itself may hang if a child runs ops.)"""
    f = make(7.0)

    def build():
        with tf.Graph().as_default() as built:
            x = v1.placeholder(tf.float32, [2], name="x")
            tf.identity(v1.gradients(f(x), x)[0], name="dx")
        return built

    if used_before:
        build()
    graph_def = v1.GraphDef()
    graph_def.ParseFromString(_serialised_by_a_fork(build))
    x = tf.constant([1.0, 2.0])
    (dx,) = tf.import_graph_def(graph_def, input_map={"x": x}, return_elements=["dx:0"])
    with v1.Session(graph=graph) as session:
        assert session.run(dx).tolist() == [7.0, 7.0]


@contextlib.contextmanager
def _all_locks_held_by_another_thread():
    held, done = threading.Event(), threading.Event()

    def hold():
        with contextlib.ExitStack() as locks:
            for lock in list(threads._locks):
                locks.enter_context(lock)
            held.set()
            done.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    try:
        yield
    finally:
        done.set()
        holder.join()


@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="Python 3.6 tells of multiprocessing's forks alone")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("make", [_function_level, _op_level])
def test_a_fork_while_another_thread_holds_our_locks_waits_for_none(make):
    f = make(7.0)

    def build():
        with tf.Graph().as_default() as built:
            x = v1.placeholder(tf.float32, [2], name="x")
            v1.gradients(f(make(8.0)(x)), x)
        return built

    with _all_locks_held_by_another_thread():
        assert _serialised_by_a_fork(build)


def test_a_lock_that_the_forking_thread_holds_stays_its_own():
    lock = threads.Lock()
    with lock, lock:
        threads._free_locks()
    in_turn = []
    with lock:
        other = threading.Thread(target=lambda: lock.__enter__() or in_turn.append("other"))
        other.start()
        in_turn.append("this one")
    other.join()
    assert in_turn == ["this one", "other"]
    threads._free_locks()  # the other thread has gone, and its hand on the lock as after a fork
    with lock:
        pass
