"""Tasks of asyncio that interleave, and definitions made again: each call has its own gradient, and nothing grows."""

import asyncio
import contextlib
import gc

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import _tf, override_gradient
from compat_grad.saving import recalled
from compat_grad.strategies import graph as graph_strategy
from tests import modes

TASKS, STEPS = 8, 3


def _run(main):
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()


def _tapes_close_in_any_order():
    """Whether closing a tape ends that tape, and not the one that was opened last (1.5)."""
    x, first, last = tf.constant(1.0), modes._gradient_tape()(), modes._gradient_tape()()
    first.__enter__()
    first.watch(x)
    y = 2.0 * x
    last.__enter__()
    first.__exit__(None, None, None)
    last.__exit__(None, None, None)
    return first.gradient(y, [x])[0] is not None


def _override(level):
    if level == "whole":
        return override_gradient(lambda x: 2.0 * x, lambda op, dy: 10.0 * op.inputs[0] * dy)
    return override_gradient(tf.square, {"Square": lambda op, dy: 10.0 * op.inputs[0] * dy})


@pytest.mark.parametrize("level", ["whole", "ops"])
def test_tasks_that_wait_between_forward_and_gradient_get_their_own(eager, level):
    """All tapes are open at once, and close in another order than they were opened in."""
    if level == "ops" and not hasattr(tf, "executing_eagerly"):
        pytest.skip("functions of TensorFlow 1.6 have no gradients under a second tape")
    if not _tapes_close_in_any_order():
        pytest.skip("this TensorFlow's tapes have to be closed in the order that they were opened in, reversed (1.5)")
    f = _override(level)

    async def task(number):
        found = []
        for step in range(STEPS):
            x = tf.constant([number + 1.0, float(step)])
            with modes._gradient_tape()() as tape:
                tape.watch(x)
                y = f(x)
                for _ in range((number * 3 + step) % 4):
                    await asyncio.sleep(0)
                y = 3.0 * y
            await asyncio.sleep(0)
            found.append(tape.gradient(y, [x])[0].numpy())
        return found

    async def main():
        return await asyncio.gather(*[task(number) for number in range(TASKS)])

    for number, found in enumerate(_run(main)):
        expected = [np.array([30.0 * (number + 1.0), 30.0 * step], np.float32) for step in range(STEPS)]
        modes.assert_same_bits(found, expected)


def test_a_backward_reads_the_context_variables_of_the_task_that_asks(eager):
    contextvars = pytest.importorskip("contextvars", reason="Python 3.7 brought context variables")
    factor = contextvars.ContextVar("factor")
    f = override_gradient(lambda x: 2.0 * x, lambda op, dy: factor.get() * dy)

    async def task(number):
        factor.set(10.0 + number)
        x = tf.constant(1.0)
        with modes._gradient_tape()() as tape:
            tape.watch(x)
            y = f(x)
        await asyncio.sleep(0)
        return float(tape.gradient(y, [x])[0].numpy())

    async def main():
        return await asyncio.gather(*[task(number) for number in range(TASKS)])

    assert _run(main) == [10.0 + number for number in range(TASKS)]


def counted():
    """Return how many of our names are registered, and how many entries our own tables have, without garbage."""
    for _ in range(3):
        gc.collect()
    names = [name for name in _tf.registered_names() if name.startswith("compat_grad")]
    return (
        len(names),
        len(graph_strategy._live_calls),
        len(graph_strategy.gradients_of_ops),
        len(list(recalled._defined)),
    )


CELL = """
@override_gradient(backward=lambda op, dy: {factor} * dy)
def f(x):
    return 2.0 * x

@override_gradient(backward={{"Square": lambda op, dy: {factor} * dy}})
def g(x):
    return tf.square(x)
"""


def define_again(mode, times, notebook):
    """Run a cell of a notebook so often, with other factors, and use what it defines each time."""
    for time in range(times):
        factor = 10.0 + time
        exec(CELL.format(factor=factor), notebook)
        with tf.Graph().as_default() if mode.is_graph else contextlib.ExitStack():
            found = mode.run(
                lambda differentiate, x: differentiate(lambda x: notebook["f"](x) + notebook["g"](x), [x])[1],
                np.array([0.5, 3.0], np.float32),
            )
        modes.assert_same_bits(found, [np.full([2], 2 * factor, np.float32)])


def test_a_cell_run_again_and_again_leaves_nothing_behind(mode):
    if mode in (modes.EAGER, modes.TAPE_OUTSIDE) and not modes.functions_with_a_tape_outside_are_collected():
        pytest.skip("this TensorFlow itself keeps a traced function's graph that a tape has seen (1.13, 1.14)")
    notebook = {"override_gradient": override_gradient, "tf": tf, "__name__": "__main__"}
    define_again(mode, 2, notebook)
    before = counted()
    define_again(mode, 5, notebook)
    assert all(now <= then for now, then in zip(counted(), before))
