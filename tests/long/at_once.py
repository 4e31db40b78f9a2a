"""Eight threads that differentiate overrides at once, in each way in which this TensorFlow can.

Backwards differ from the native gradients, from thread to thread and from call to call, so that mixing shows.
"""

import contextlib
import gc
import threading

import numpy as np
import tensorflow as tf
from google.protobuf.internal import api_implementation

from compat_grad import _tf, override_gradient
from tests import modes
from tests.modes import v1

THREADS = 8
IN_A_GRAPH = 20  # calls
IN_A_TRACE = 10
IN_ONE_GRAPH = 100  # of each thread


def run_at_once(work):
    """Call ``work(number)`` in eight threads that start together; return their results, or raise what one raised."""
    start, results, errors = threading.Barrier(THREADS), [None] * THREADS, []

    def run(number):
        try:
            start.wait(timeout=60)
            results[number] = work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    with _collector_where_threads_survive_it():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]
    return results


@contextlib.contextmanager
def _collector_where_threads_survive_it():
    """Return the context without Python's garbage collector, where protobuf is its C library upb (4.21 and later).

    TensorFlow reads an op's definition through objects that upb makes for one thread and finds again for another. If
    the collector runs while it makes one, and Python code of a weak reference lets another thread go on, there are two
    for one place, and one is found after it is gone: bare TensorFlow 2.15 with protobuf 4.25 crashes by that, too.
    """
    collects = gc.isenabled() and api_implementation.Type() == "upb"
    if collects:
        gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


class Overrides:
    """What a thread calls: overrides that all threads share, and its own; of all functions and of single ops."""

    def __init__(self, shared, number):
        self.number = number
        self._shared = shared
        self._own = _own_overrides(np.float32(1000.0 * (number + 1)))

    def argument(self, call):
        """Return the argument of a call: of no other thread, of no other call."""
        return np.array([self.number + 1, call], np.float32)

    def __call__(self, x):
        whole, ops = self._shared
        own_whole, own_ops = self._own
        return whole(x) + ops(x) + own_whole(x) + own_ops(x)

    def gradient(self, x):
        """Return the gradient of a call, in the order in which it is summed exactly: whole numbers below 2**24."""
        return 10.0 * x + 100.0 * x + np.float32(3000.0 * (self.number + 1))


def shared_overrides():
    """Return an override of a whole function and one of single ops; their gradients tell the argument."""
    return (
        override_gradient(lambda x: 2.0 * x, lambda op, dy: 10.0 * op.inputs[0] * dy, name="shared"),
        override_gradient(tf.square, {"Square": lambda op, dy: 100.0 * op.inputs[0] * dy}, name="shared"),
    )


def _own_overrides(factor):
    """Return the same with gradients that tell the thread; of one name in all threads, as in a function run in each."""
    return (
        override_gradient(lambda x: 2.0 * x, lambda op, dy: factor * dy, name="own"),
        override_gradient(tf.square, {"Square": lambda op, dy: 2.0 * factor * dy}, name="own"),
    )


def eager(overrides, calls):
    """Yield (the gradient found, the argument) of each call."""
    for call in range(calls):
        x = overrides.argument(call)
        yield modes.by_tape(overrides, [tf.constant(x)])[1][0].numpy(), x


def traced(overrides, calls):
    """The same in tf.functions, one for every ten calls: the tape inside and outside in turn."""
    for call in range(calls):
        if call % IN_A_TRACE == 0:
            inside = tf.function(lambda x: modes.by_tape(overrides, [x])[1][0])
            function = tf.function(lambda x: overrides(x))
        x = overrides.argument(call)
        found = inside(tf.constant(x)) if call % 2 else modes.by_tape(function, [tf.constant(x)])[1][0]
        yield found.numpy(), x


def in_own_graphs(overrides, calls):
    """The same in graphs of the thread's own, twenty calls in each."""
    for first in range(0, calls, IN_A_GRAPH):
        with tf.Graph().as_default() as graph:
            arguments = [overrides.argument(call) for call in range(first, min(calls, first + IN_A_GRAPH))]
            xs = [tf.constant(x) for x in arguments]
            gradients = [v1.gradients(overrides(x), x)[0] for x in xs]
            with v1.Session(graph=graph) as session:
                yield from zip(session.run(gradients), arguments)


def ways():
    """Return the ways of this process, each a generator function of (overrides, calls)."""
    have = [(eager, modes.HAS_EAGER), (traced, modes.HAS_FUNCTIONS), (in_own_graphs, modes.HAS_GRAPHS)]
    return [way for way, has in have if has]


def check_ways(calls):
    """Have each thread run each way, beginning with different ones; return how many calls were compared.

    Raises:
      AssertionError: a gradient is not that of its thread and call.
    """
    shared, possible = shared_overrides(), ways()

    def work(number):
        overrides, compared = Overrides(shared, number), 0
        for turn in range(len(possible)):
            for found, x in possible[(number + turn) % len(possible)](overrides, calls):
                np.testing.assert_array_equal(found, overrides.gradient(x), "thread {}, x = {}".format(number, x))
                compared += 1
        return compared

    return sum(run_at_once(work))


def check_one_graph(calls):
    """Have all threads build in one graph, call by call, and differentiate it then; return how many were compared.

    After a hundred calls of each comes the next graph: TensorFlow 1.15 takes half an hour for one of 16,000. A
    graph is built by one thread at a time, as ``tf.Graph`` documents: it names ops without a lock.
    """
    shared, compared = shared_overrides(), 0
    for first in range(0, calls, IN_ONE_GRAPH):
        compared += _check_part(shared, range(first, min(calls, first + IN_ONE_GRAPH)))
    return compared


def _check_part(shared, calls):
    graph, one_at_a_time = tf.Graph(), threading.Lock()

    def work(number):
        overrides, built = Overrides(shared, number), []
        for call in calls:
            with one_at_a_time, graph.as_default():
                x = tf.constant(overrides.argument(call))
                built.append((overrides(x), x))
        return overrides, built

    threads = run_at_once(work)
    with graph.as_default(), v1.Session(graph=graph) as session:
        for overrides, built in threads:
            ys, xs = zip(*built)
            gradients, arguments = session.run([v1.gradients(list(ys), list(xs)), list(xs)])
            for call, found, x in zip(calls, gradients, arguments):
                np.testing.assert_array_equal(x, overrides.argument(call))
                np.testing.assert_array_equal(found, overrides.gradient(x), "thread {}".format(overrides.number))
    return sum(len(built) for _, built in threads)


def registered_after_collection():
    """Return TensorFlow's registered gradients of ours, once what is garbage has gone."""
    for _ in range(3):
        gc.collect()
    return {name for name in _tf.registered_names() if name.startswith("compat_grad")}
