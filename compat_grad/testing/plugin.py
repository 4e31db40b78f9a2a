"""The pytest plugin: tests in every gradient mode, tests of declared cases, results for the comparison.

pytest loads it for every project, so that it must load TensorFlow (and NumPy) only when a test is about gradients:
what needs them is imported where it is used.
"""

import os
import sys

import pytest

_BEHAVIOURS = ("default", "eager", "v1")


def pytest_addoption(parser):
    group = parser.getgroup("gradients", "gradients in every mode (compat_grad.testing)")
    group.addoption(
        "--gradient-modes",
        metavar="MODES",
        help="the modes of the fixture gradient_mode, with commas between them, default, or all: which adds the slow "
        "saved_model (saved, and loaded by a process without compat_grad), in which declared cases run then, too",
    )
    group.addoption(
        "--gradient-behaviour",
        choices=_BEHAVIOURS,
        help="how this process runs TensorFlow: eager (TensorFlow 1), v1 (TensorFlow 2 with disable_v2_behavior). "
        "TensorFlow is one or the other for the whole of a process: tox runs pytest once for each",
    )
    group.addoption(
        "--gradient-results",
        metavar="DIR",
        help="where to write what the tests found, for `python -m compat_grad compare DIR`",
    )
    group.addoption(
        "--gradient-rivals",
        action="store_true",
        help="also record what tf.custom_gradient and a legacy gradient_override_map make of each declared case",
    )
    group.addoption(
        "--forbid-silent-overrides",
        action="store_true",
        help="an error where a legacy gradient_override_map is entered and TensorFlow ignores it",
    )


def pytest_configure(config):
    behaviour = config.getoption("--gradient-behaviour")
    if behaviour is not None:
        from compat_grad.testing import process

        process.choose_behaviour(behaviour)
    config.pluginmanager.register(_Session(config), "compat_grad session")


def pytest_generate_tests(metafunc):
    if "gradient_mode" in metafunc.fixturenames:
        metafunc.parametrize("gradient_mode", _mode_parameters(metafunc.config), indirect=True)


def _mode_parameters(config):
    from compat_grad.testing.assertions import modes

    keys, lacking = _modes_asked_for(config), modes().unavailable
    return [pytest.param(k, marks=pytest.mark.skip(reason=lacking[k])) if k in lacking else k for k in keys]


def _modes_asked_for(config):
    from compat_grad.testing.assertions import keys_in, modes

    asked = config.getoption("--gradient-modes")
    if asked is None:
        return list(modes().default)
    try:
        return keys_in(asked)
    except ValueError as error:
        raise pytest.UsageError("--gradient-modes: {}".format(error)) from None


def _runs_slow_ways(config):
    return "saved_model" in _modes_asked_for(config)


@pytest.fixture
def gradient_mode(request):
    """Each mode that this process has, as `value_and_gradients` takes it; in graph mode the test gets a fresh graph."""
    from compat_grad.testing import process

    with process.fresh_graph():
        yield request.param


def pytest_pycollect_makeitem(collector, name, obj):
    """Make a test of each case that a module's `Family` (or `Catalogue`) declares, in every way."""
    if type(obj).__module__ == "compat_grad.testing.case" and hasattr(obj, "cases"):
        return list(_tests_of(collector, obj.cases()))
    return None


def _tests_of(collector, cases):
    from compat_grad.testing.ways import ways_of

    slow = _runs_slow_ways(collector.config)
    for case in cases:
        for way in ways_of(case, slow):
            if way.lacks is None and way.undefined(case) is None:
                called = "{}, {}".format(case.key, way.name)
                yield CaseInAWay.from_parent(collector, name=called, case=case, way=way)


class CaseInAWay(pytest.Item):
    """The test of a case in a way."""

    def __init__(self, case=None, way=None, **keywords):
        super().__init__(**keywords)
        self.case, self.way = case, way

    def runtest(self):
        session = self.config.pluginmanager.get_plugin("compat_grad session")
        session.proof().declare(self.case)
        session.proof().run(self.case, self.way)

    def repr_failure(self, excinfo):
        if excinfo.errisinstance(AssertionError):
            return "{}\nin the way: {}\n\n{}".format(excinfo.value, self.way.name, self.case.code)
        return super().repr_failure(excinfo)

    def reportinfo(self):
        path, line = self.case.place or (str(self.path), 1)
        return path, line - 1, self.name


class _Session:
    """The results of a run of pytest."""

    def __init__(self, config):
        self._config = config
        self._proof = self._recorder = None
        self._directory = config.getoption("--gradient-results")

    # Methods, not properties: pluggy looks at every attribute of what it registers.
    def recorder(self):
        if self._recorder is None:
            from compat_grad.testing.about import about
            from compat_grad.testing.results import Recorder

            self._recorder = Recorder(**about(str(self._config.rootpath)))
        return self._recorder

    def proof(self):
        if self._proof is None:
            from compat_grad.testing.proof import Proof

            rivals, slow = self._config.getoption("--gradient-rivals"), _runs_slow_ways(self._config)
            self._proof = Proof(self.recorder(), rivals, slow)
        return self._proof

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item):
        import contextlib

        with contextlib.ExitStack() as stack:
            if self._config.getoption("--forbid-silent-overrides"):
                from compat_grad.testing.silent import forbid_silent_overrides

                stack.enter_context(forbid_silent_overrides())
            if self._directory and "gradient_mode" in getattr(item, "fixturenames", ()):
                from compat_grad.testing.recorded import recorded

                stack.enter_context(recorded(self.recorder(), item))
            yield

    def pytest_report_collectionfinish(self):
        if "compat_grad.testing.assertions" not in sys.modules:
            return None
        from compat_grad._tf import tf
        from compat_grad.testing.assertions import modes

        here = [key for key in _modes_asked_for(self._config) if key in modes()]
        return "gradients: TensorFlow {}, {}".format(tf.__version__, ", ".join(here))

    def pytest_sessionfinish(self):
        if not self._directory or self._recorder is None:
            return
        if hasattr(self._config, "workeroutput"):  # of pytest-xdist: results are written by the process that hands out
            self._config.workeroutput["compat_grad"] = self._recorder.to_text()
        else:
            self._recorder.write(os.path.join(str(self._config.invocation_params.dir), self._directory))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node):
        found = getattr(node, "workeroutput", {}).get("compat_grad")
        if found:
            from compat_grad.testing.results import Recorder

            self._recorder = self._recorder or Recorder()
            self._recorder.absorb(found)
