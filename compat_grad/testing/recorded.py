"""Has the assertions tell a recorder what they computed while a test runs.

A case is then a test and a function in it; a way is a mode. Knows nothing of how results are computed.
"""

import collections
import contextlib
import inspect

_told = []  # who is told: functions of (call, key of the mode, results)


def tell(call, key, results):
    """Tell of the results of a call in a mode, {order: [array or None]}."""
    for listener in _told:
        listener(call, key, results)


@contextlib.contextmanager
def recorded(recorder, item):
    """Return the context in which what is computed is recorded as of this test of pytest."""
    counts = collections.Counter()
    path = item.nodeid.split("::")[0]
    name = item.name.partition("[")[0]
    parameters = dict(getattr(getattr(item, "callspec", None), "params", {}))
    parameters.pop("gradient_mode", None)
    if parameters:
        name += "[{}]".format(", ".join("{}={}".format(*pair) for pair in sorted(parameters.items())))

    def listen(call, key, results):
        case = call.case
        called = "{} · {}".format(name, case.name)
        counts[called, key] += 1
        if counts[called, key] > 1:
            called += " #{}".format(counts[called, key])
        case.family, case.key = path, "{}/{}".format(path, called)
        recorder.declare(case, inspect.getsource(item.function))
        recorder.found(case, key, results)

    _told.append(listen)
    try:
        yield
    finally:
        _told.remove(listen)
