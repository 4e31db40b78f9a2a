"""What an override adds, as a part of what tf.custom_gradient adds: (ours - none) / (theirs - none).

Both differences are of minima of many short turns, in one process: what forward itself takes, and what disturbs the
machine, drops out of them. Below 1 an override adds less. Of plain graphs, see the buildings in `graphs`.
"""

import tensorflow as tf

from tests.bench import eager, functions
from tests.bench.contest import able_and_equal
from tests.bench.figures import Figure
from tests.bench.problems import CHEAP
from tests.bench.timing import in_turns, once_each, seconds_each

ONE, EIGHT = CHEAP[:2]
PREFIX = "overhead: "
SECONDS = 0.002  # a turn: short enough to fall between what disturbs, often enough
TRACED = 200


def of_eager_mode(effort):
    """Yield the figures of eager mode."""
    for what, problem, program in (
        ("eager call", ONE, eager.call),
        ("eager call with a tape", ONE, eager.call_with_tape),
        ("value and gradient", ONE, eager.value_and_gradient),
        ("value and gradient", EIGHT, eager.value_and_gradient),
    ):
        contest = problem.contest([tf.constant(array) for array in problem.arrays()])
        contenders = able_and_equal(contest, lambda f, p=problem, c=contest: eager.arrays(f, p, c))
        programs = {name: program(f, contest) for name, f in contenders.items()}
        samples = in_turns(programs, effort.overhead_rounds, effort.seconds and SECONDS)
        yield Figure(PREFIX + what, problem.name, "s", eager.per_call(program, samples))


def of_functions(effort):
    """Yield the figure of tracing calls in a tf.function that has the tape, too."""
    contest = ONE.contest([tf.constant(array) for array in ONE.arrays()])
    tracers = {name: functions.tracer(f, contest, TRACED) for name, f in contest.contenders.items()}
    took = {name: seconds_each(trace, TRACED) for name, trace in tracers.items()}
    what = "{}tracing {} in a tf.function with its tape".format(PREFIX, TRACED)
    yield Figure(what, ONE.name, "s", once_each(took, effort.overhead_traces))
