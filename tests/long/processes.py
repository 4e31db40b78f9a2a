"""Overrides in forked and spawned processes: `python -m tests.long.processes`, a fresh interpreter that says "right".

A fork comes before TensorFlow's runtime starts: a child that runs ops after its parent has may hang in TensorFlow.
"""

import functools
import multiprocessing
import pickle

import numpy as np
import tensorflow as tf

from compat_grad import override_gradient
from tests import modes

X = np.array([0.5, 3.0], np.float32)


def twice(x, factor=2.0):
    """Return x times factor."""
    return factor * x


def ten_times(op, dy):
    """Return the gradient of an override: ten times what flows in."""
    return 10.0 * dy


@override_gradient(backward=lambda op, dy: 10.0 * dy)
def at_module_level(x, factor=2.0):
    """An override that pickles by its name."""
    return factor * x


by_functions = override_gradient(twice, ten_times)
op_level = override_gradient(tf.square, {"Square": ten_times})


def differentiate(f):
    """Return the value and the gradient of f at X, in this process."""
    mode = modes.EAGER if modes.HAS_EAGER else modes.GRAPH
    with mode.scope():
        y, (dx,) = mode.run(lambda differentiate, x: differentiate(f, [x]), X)
    return np.asarray(y).tolist(), np.asarray(dx).tolist()


def differentiate_pickled(text):
    """The same of an override that comes as a text, of cloudpickle's perhaps."""
    return differentiate(pickle.loads(text))


def _in_a_child(function, answers):
    answers.put(function())


def _forked(function):
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_in_a_child, args=(function, answers))
    child.start()
    answer = answers.get(timeout=120)
    child.join(timeout=60)
    return answer


def check_forks():
    """Overrides of the parent run in children, and the parent's are none the worse."""
    local = override_gradient(lambda x: 2.0 * x, lambda op, dy: 7.0 * dy)
    assert _forked(lambda: differentiate(local)) == ([1.0, 6.0], [7.0, 7.0])
    of_child = _forked(lambda: differentiate(override_gradient(lambda x: 3.0 * x, lambda op, dy: 11.0 * dy)))
    assert of_child == ([1.5, 9.0], [11.0, 11.0])
    assert _forked(lambda: differentiate(op_level)) == ([0.25, 9.0], [10.0, 10.0])
    assert differentiate(local) == ([1.0, 6.0], [7.0, 7.0])
    assert differentiate(op_level) == ([0.25, 9.0], [10.0, 10.0])


def check_spawned():
    """A pool of spawned processes gets overrides by pickle: of module level, of functions, partial, by cloudpickle."""
    partial = functools.partial(at_module_level, factor=3.0)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.map(differentiate, [at_module_level, by_functions, partial, op_level], chunksize=1)
        assert found == [
            ([1.0, 6.0], [10.0, 10.0]),
            ([1.0, 6.0], [10.0, 10.0]),
            ([1.5, 9.0], [10.0, 10.0]),
            ([0.25, 9.0], [10.0, 10.0]),
        ], found
        try:
            import cloudpickle
        except ImportError:
            print("without cloudpickle")
            return
        factor = 13.0
        local = override_gradient(lambda x: 2.0 * x, lambda op, dy: factor * dy)
        text = cloudpickle.dumps(local)
        assert pool.apply(differentiate_pickled, [text]) == ([1.0, 6.0], [13.0, 13.0])


if __name__ == "__main__":
    from tests.long.processes import check_forks, check_spawned  # under the name by which children find them

    check_forks()
    check_spawned()
    print("right")
