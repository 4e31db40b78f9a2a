"""tf.function: tracing ten stacked overrides with their gradient, a step of that, and the same with jit_compile."""

import inspect

import tensorflow as tf

from tests.bench.contest import able_and_equal
from tests.bench.eager import new_tape
from tests.bench.figures import Figure
from tests.bench.graphs import STACKED, stack
from tests.bench.problems import problems
from tests.bench.timing import in_turns

TRACE, STEP, STEP_JIT = "function trace of 10", "function step of 10", "function step of 10, jit_compile"
ROUNDING = 1e-5  # of what XLA compiles


def figures(effort):
    """Yield the figures of tf.function."""
    for problem in problems(effort):
        contest = problem.contest([tf.constant(array) for array in problem.arrays()])
        if problem.is_cheap:
            yield _trace(contest, effort)
        yield _step(STEP, contest, {}, effort)
        if jit_option():
            yield _step(STEP_JIT, contest._replace(tolerance=ROUNDING), jit_option(), effort)


def _function(f, contest, options, times=STACKED):
    @tf.function(**options)
    def value_and_gradient(inputs):
        own = contest._replace(arguments=tf.nest.pack_sequence_as(contest.arguments, inputs))
        with new_tape() as tape:
            for x in inputs:
                tape.watch(x)
            y = stack(f, own, times)
        sources = inputs + contest.sources[len(inputs) :]
        return [y] + [dx for dx in tape.gradient(y, sources) if dx is not None]

    return value_and_gradient


def tracer(f, contest, times=STACKED):
    """Return what traces so many calls of f, one upon the other, with a tape and their gradient."""
    return lambda: _function(f, contest, {}, times).get_concrete_function(contest.inputs)


def _trace(contest, effort):
    programs = {name: tracer(f, contest) for name, f in contest.contenders.items()}
    return Figure(TRACE, contest.name, "s", in_turns(programs, effort.builds, 0.0))


def _step(what, contest, options, effort):
    functions = {name: _function(f, contest, options) for name, f in contest.contenders.items()}

    def run(name):
        arrays = [tensor.numpy() for tensor in functions[name](contest.inputs)]
        return arrays[:1], arrays[1:]

    names = able_and_equal(contest._replace(contenders={name: name for name in functions}), run)
    programs = {name: lambda function=functions[name]: function(contest.inputs) for name in names}
    return Figure(what, contest.name, "s", in_turns(programs, effort.rounds, effort.seconds))


def jit_option():
    """Return the option of tf.function that compiles with XLA, as this TensorFlow spells it, or {}."""
    parameters = inspect.signature(tf.function).parameters
    return next(({name: True} for name in ("jit_compile", "experimental_compile") if name in parameters), {})
