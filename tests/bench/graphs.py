"""Plain graphs: seconds and ops that building takes, its growth with calls and variables, and a step of a session."""

import functools
import time

import tensorflow as tf

from tests.bench.contest import able_and_equal
from tests.bench.figures import Figure
from tests.bench.problems import CHEAP, cheap, problems
from tests.bench.timing import in_turns, once_each
from tests.modes import v1

BUILDING, OPS, STEP = "graph building, per call", "graph building, ops per call", "graph step of 10"
BUILDING_GRADIENTS = "graph building with gradients, per call"
STACKED = 10


def figures(effort):
    """Yield the figures of plain graphs."""
    one_input = cheap(effort)[0]
    calls = {n: _building(one_input, n, 0, effort) for n in effort.calls}
    variables = {n: _building(one_input, _calls(effort), n, effort) for n in effort.variables if n}
    for building in list(calls.values()) + list(variables.values()):
        yield from building
    variables[0] = calls[_calls(effort)]
    yield _growth(calls, "calls", _calls(effort), effort.calls[-1])
    yield _growth(variables, "variables", effort.variables[0], effort.variables[-1])
    for problem in cheap(effort):
        if problem is not one_input:
            yield from _building(problem, _calls(effort), 0, effort)
    for problem in cheap(effort):
        yield _building_gradients(problem, effort)
    for problem in problems(effort):
        yield _step(problem, effort)


def overheads(effort):
    """Yield the figures of which the overhead has a goal: building, with few other variables and with many."""
    for n_variables in effort.overhead_variables:
        yield from _building(CHEAP[0], _calls(effort), n_variables, effort)


# --- building -------------------------------------------------------------------------------------------------


def _calls(effort):
    """Return in how many calls the cost of a call is measured where their number is not the question."""
    return effort.calls[1]


def _building(problem, n_calls, n_variables, effort):
    """Return the figures of building so many calls in a graph of so many variables: seconds and ops."""
    took = {name: builder(name, problem, n_calls, n_variables) for name in able(problem)}
    few = n_calls == _calls(effort) and n_variables in effort.overhead_variables
    samples = once_each(took, effort.overhead_builds if few else effort.builds)
    name = "{}, {} calls, {} variables".format(problem.name, n_calls, n_variables)
    return [
        Figure(what, name, unit, {who: [each[place] for each in rounds] for who, rounds in samples.items()})
        for what, unit, place in ((BUILDING, "s", 0), (OPS, "ops", 1))
    ]


def _growth(buildings, of, few, many):
    """Return how much more a call takes among many calls or variables than among few; 1 where that is the same."""
    one, other = buildings[many][0], buildings[few][0]
    samples = {name: [one.median(name) / other.median(name)] for name in one.contenders}
    return Figure("graph building, many {} to few".format(of), "{} to {}".format(many, few), "times", samples)


def builder(name, problem, n_calls, n_variables):
    """Return a function that tells the seconds and the ops that a call takes in a graph of so many calls."""

    def took():
        with tf.Graph().as_default() as graph:
            for index in range(n_variables):
                v1.get_variable("other_{}".format(index), initializer=tf.constant(1.0), use_resource=True)
            contest = problem.contest(_placeholders(problem))
            f = contest.contenders[name]
            before, start = len(graph.get_operations()), time.perf_counter()
            for _ in range(n_calls):
                f(*contest.arguments)
            seconds = time.perf_counter() - start
            return seconds / n_calls, (len(graph.get_operations()) - before) / n_calls

    return took


def _building_gradients(problem, effort):
    def builder_of_gradients(name):
        def took():
            with tf.Graph().as_default():
                contest = problem.contest(_placeholders(problem))
                f = contest.contenders[name]
                start = time.perf_counter()
                v1.gradients(stack(f, contest), contest.sources)
                return (time.perf_counter() - start) / STACKED

        return took

    samples = once_each({name: builder_of_gradients(name) for name in able(problem)}, effort.rounds)
    return Figure(BUILDING_GRADIENTS, problem.name, "s", samples)


@functools.lru_cache(maxsize=None)
def able(problem):
    """Return the names of the contenders that can do it, having checked once that they are equal."""
    with tf.Graph().as_default():
        contest = problem.contest(_placeholders(problem))

        def run(f):
            step, session = _stepper(f, contest)
            with session:
                return _arrays(step(*problem.arrays()))

        return list(able_and_equal(contest, run))


def _placeholders(problem):
    return [v1.placeholder(tf.float32, problem.shape) for _ in range(problem.n_inputs)]


# --- a step ---------------------------------------------------------------------------------------------------


def stack(f, contest, times=STACKED):
    """Return the output of so many calls of f, one upon the other."""
    y = f(*contest.arguments)
    for _ in range(times - 1):
        y = f(y, *contest.arguments[1:])
    return y


def _stepper(f, contest):
    """Return (a function that feeds the inputs and fetches the value and the gradients, its session)."""
    y = stack(f, contest)
    gradients = [dx for dx in v1.gradients(y, contest.sources) if dx is not None]
    session = v1.Session()
    session.run(v1.global_variables_initializer())
    return session.make_callable([y] + gradients, feed_list=contest.inputs), session


def _arrays(fetched):
    return fetched[:1], fetched[1:]


def _step(problem, effort):
    arrays = problem.arrays()
    with tf.Graph().as_default():
        contest = problem.contest(_placeholders(problem))
        steppers, sessions = {}, []
        for name, f in contest.contenders.items():
            if name in able(problem):
                step, session = _stepper(f, contest)
                steppers[name] = lambda step=step: step(*arrays)
                sessions.append(session)
        samples = in_turns(steppers, effort.rounds, effort.seconds)
        for session in sessions:
            session.close()
    return Figure(STEP, problem.name, "s", samples)
