"""Eager mode: the call, without and with a tape, value and gradient, second order, and the bytes that a tape holds."""

import numpy as np
import tensorflow as tf

from compat_grad import override_gradient
from tests import modes
from tests.bench import memory
from tests.bench.contest import able_and_equal
from tests.bench.figures import LIMIT, OURS, THEIRS, Figure
from tests.bench.problems import LARGE, problems
from tests.bench.timing import in_turns, once_each

IDENTITY = "tf.identity"
new_tape = modes._gradient_tape()
CALLS_ON_A_TAPE = 10


def figures(effort):
    """Yield the figures of eager mode."""
    for problem in problems(effort):
        inputs = [tf.constant(array) for array in problem.arrays()]
        contest = problem.contest(inputs)
        contenders = able_and_equal(contest, lambda f, p=problem, c=contest: arrays(f, p, c))
        for what, program in PROGRAMS.items():
            if what == SECOND_ORDER and not problem.has_second_order:
                continue
            programs = {name: program(f, contest) for name, f in contenders.items()}
            if what == CALL and problem.is_cheap:
                programs[IDENTITY] = _identity(inputs[0])
            samples = per_call(program, in_turns(programs, effort.rounds, effort.seconds))
            yield Figure(what, problem.name, "s", samples)
            if IDENTITY in samples:
                yield Figure(OVER_FORWARD, problem.name, "tf.identity", {OURS: _over_forward(samples)})
    if memory.KNOWN:
        for name, contenders in _long_contenders():
            held = {contender: _held_by_a_tape(f) for contender, f in contenders.items()}
            yield Figure(HELD, name, "x 8 MB", once_each(held, effort.builds))


def call(f, contest):
    """Return what calls f."""
    arguments = contest.arguments
    return lambda: f(*arguments)


def _over_forward(samples):
    """Return what an override adds to a call of forward, in calls of tf.identity."""
    return [(ours - forward) / identity for ours, forward, identity in zip(*map(samples.get, (OURS, LIMIT, IDENTITY)))]


def _identity(x):
    return lambda: tf.identity(x)


def call_with_tape(f, contest):
    """Return what calls f several times on one tape."""

    def program():
        with new_tape() as tape:
            _watch(tape, contest.inputs)
            for _ in range(CALLS_ON_A_TAPE):
                f(*contest.arguments)

    return program


def per_call(program, samples):
    """Return the seconds of a call from those of a run of what this program makes."""
    n = CALLS_ON_A_TAPE if program is call_with_tape else 1
    return {name: [seconds / n for seconds in rounds] for name, rounds in samples.items()}


def value_and_gradient(f, contest):
    """Return what calls f on a tape and differentiates it."""

    def program():
        with new_tape() as tape:
            _watch(tape, contest.inputs)
            y = f(*contest.arguments)
        return y, tape.gradient(y, contest.sources)

    return program


def _second_order(f, contest):
    first = value_and_gradient(f, contest)

    def program():
        with new_tape() as tape:
            _watch(tape, contest.inputs)
            _, gradients = first()
        return tape.gradient(gradients[0], contest.sources)

    return program


def _watch(tape, inputs):
    for x in inputs:
        tape.watch(x)


CALL, OVER_FORWARD, CALL_WITH_TAPE = "eager call", "eager call over forward", "eager call with a tape"
VALUE_AND_GRADIENT, SECOND_ORDER, HELD = "eager value and gradient", "eager second order", "held by a tape after 20 ops"
PROGRAMS = {
    CALL: call,
    CALL_WITH_TAPE: call_with_tape,
    VALUE_AND_GRADIENT: value_and_gradient,
    SECOND_ORDER: _second_order,
}


def arrays(f, problem, contest):
    """Return the values and the gradients of f."""
    value, gradients = value_and_gradient(f, contest)()
    second = _second_order(f, contest)() if problem.has_second_order else []
    return [value.numpy()], [dx.numpy() for dx in gradients + second if dx is not None]


# --- what a tape holds ----------------------------------------------------------------------------------------


def _long_contenders():
    """Yield (name, contenders) of forwards with twenty intermediate results of 8 MB."""

    def forward(x):
        for _ in range(20):
            x = tf.tanh(x)
        return x

    @tf.custom_gradient
    def theirs(x):
        return forward(x), lambda dy: 10.0 * dy

    yield (
        "8 MB, one input",
        {OURS: override_gradient(forward, lambda op, dy: 10.0 * dy), THEIRS: theirs, LIMIT: forward},
    )


def _held_by_a_tape(f):
    def program():
        x = tf.constant(np.ones(LARGE, np.float32))
        before = memory.resident()
        with new_tape() as tape:
            tape.watch(x)
            y = f(x)
        held = (memory.resident() - before) / (4 * LARGE[0])
        assert tape.gradient(y, [x])[0] is not None  # the tape lived until here
        return held

    return program
