"""Much of everything: calls with hundreds of arguments, thousands of calls in one trace, thousands of overrides."""

import functools

import tensorflow as tf

from compat_grad import override_gradient
from tests.bench import eager, functions
from tests.bench.contest import able_and_equal
from tests.bench.figures import LIMIT, OURS, THEIRS, Figure
from tests.bench.problems import CHEAP, SCALAR, Problem
from tests.bench.timing import in_turns, once_each, seconds_each

WIDE = [
    Problem("scalar, 500 inputs", SCALAR, 500, False, False),
    Problem("scalar, 300 nested leaves", SCALAR, 300, True, False),
]
OP_LEVEL = "op-level override"
FUNCTION = "tf.function, no override"


def of_wide_calls(effort):
    """Yield the figures of calls with many arguments in eager mode."""
    for problem in WIDE:
        contest = problem.contest([tf.constant(array) for array in problem.arrays()])
        contenders = able_and_equal(contest, lambda f, p=problem, c=contest: eager.arrays(f, p, c))
        programs = {name: eager.value_and_gradient(f, contest) for name, f in contenders.items()}
        samples = in_turns(programs, effort.rounds, effort.seconds)
        yield Figure("value and gradient", problem.name, "s", samples)


def of_objects(effort):
    """Yield what an override costs that is made, called once with its gradient, and kept."""
    makers = {
        OURS: lambda: override_gradient(_forward, _ten),
        OP_LEVEL: lambda: override_gradient(_forward, {"Tanh": _ten}),
        THEIRS: lambda: tf.custom_gradient(lambda x: (_forward(x), lambda dy: 10.0 * dy)),
        LIMIT: lambda: lambda x: _forward(x),
    }
    if hasattr(tf, "function"):
        makers[FUNCTION] = lambda: tf.function(lambda x: _forward(x))
    contest, kept, count = CHEAP[0].contest([tf.constant(0.5)]), [], effort.objects

    def use_new_ones(make):
        for _ in range(count):
            kept.append(make())
            eager.value_and_gradient(kept[-1], contest)()

    took = {name: seconds_each(functools.partial(use_new_ones, make), count) for name, make in makers.items()}
    yield Figure("made, called and kept", "{:,} overrides".format(count), "s", once_each(took, 1))


def of_stacked_calls(effort):
    """Yield what tracing thousands of calls costs that stand on each other, with tape and gradient, per call."""
    problem = CHEAP[0]
    contest = problem.contest([tf.constant(array) for array in problem.arrays()])
    for f in contest.contenders.values():
        functions.tracer(f, contest, 1)()  # whatever the first trace of all only does
    traces = {name: functions.tracer(f, contest, effort.stacked) for name, f in contest.contenders.items()}
    took = {name: seconds_each(trace, effort.stacked) for name, trace in traces.items()}
    yield Figure("tracing, per call", "{:,} stacked in a tf.function".format(effort.stacked), "s", once_each(took, 1))


def _forward(x):
    return 2.0 * tf.tanh(x)


def _ten(op, dy):
    return 10.0 * dy
