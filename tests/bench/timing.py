"""Seconds, measured in turns: what disturbs the machine for a while disturbs every contender alike.

The garbage collector stays on, because collecting the cycles that a contender makes is part of what it costs.
"""

import itertools
import time
import timeit


def in_turns(programs, rounds, seconds):
    """Time programs in turns.

    Args:
      programs: {contender: function of no arguments}.
      rounds: how many turns each of them has.
      seconds: how long a turn lasts, at least; one call does it if it takes longer.

    Returns:
      {contender: [seconds a call took, for each round]}
    """
    loops = {name: _loops(program, seconds) for name, program in programs.items()}
    samples = {name: [] for name in programs}
    for names in itertools.islice(_rotations(list(programs)), rounds):
        for name in names:
            samples[name].append(_clock(programs[name], loops[name]) / loops[name])
    return samples


def once_each(programs, rounds):
    """Run programs in turns that tell themselves what they took; return {contender: [what it told, for each round]}."""
    samples = {name: [] for name in programs}
    for names in itertools.islice(_rotations(list(programs)), rounds):
        for name in names:
            samples[name].append(programs[name]())
    return samples


def seconds_each(program, count):
    """Return what runs program once, and tells the seconds that each of as many things took as it does."""

    def told():
        start = time.perf_counter()
        program()
        return (time.perf_counter() - start) / count

    return told


def _rotations(names):
    """Yield names for ever, each time with another one first: to come after a certain other one is no advantage."""
    while True:
        yield names
        names = names[1:] + names[:1]


def _loops(program, seconds):
    program()  # whatever happens at the first call only
    once = _clock(program, 1)
    return max(1, int(seconds / max(once, 1e-6)))


def _clock(program, loops):
    return timeit.timeit(program, number=loops, setup="import gc; gc.enable()")
