"""The way "SavedModel, loaded bare" of the catalogue, all cases saved as one model.

Right by the formulas, and the same bits as in the other ways. TensorFlow before 2.6 saves no gradients, but the values.
"""

import re

import pytest

from compat_grad import _tf
from compat_grad.testing import loaded as saved_models
from compat_grad.testing.ways import Way
from tests import modes
from tests.conformance import families

pytestmark = pytest.mark.slow
CASES = dict(families.CATALOGUE)  # not the catalogue itself, of which pytest would make the tests of the other ways
SAVES = modes.IS_TF2 and modes.HAS_FUNCTIONS
WHY_NOT = None if SAVES else saved_models.lacks()

#: What the loading process says of gradients that are not there for no fault of TensorFlow's -> what that means.
NOT_CARRIED = (
    (r"was not saved with this model: ([^]\n]*\.)", "its gradient is not saved: {}"),
    (r"registry has no entry for: compat_grad", "this TensorFlow saves no gradients (2.6 brought it)"),
)
#: The families of which a case need not come with its gradients, where there are gradients in SavedModels.
MAY_LACK = {"py_func and its kin", "IndexedSlices", "Stateful and random forwards"}


@pytest.fixture(scope="module")
def loaded():
    """What each case gave, by its key, and what saving warned of."""
    if not SAVES:
        return None
    found = saved_models.run_all(CASES.values())
    return saved_models.Loaded(dict(zip(CASES, found.results)), found.warned)


def not_carried(results):
    """Return why a case did not come with all that it had, or None."""
    words = "\n".join(results.get("raised", "")) if isinstance(results, dict) else ""
    for said, meaning in NOT_CARRIED:
        found = re.search(said, words)
        if found:
            return meaning.format(*found.groups())
    return saved_models.what_is_not_saved(words)


@pytest.mark.parametrize("case", [pytest.param(case, id=key) for key, case in CASES.items()])
def test_what_is_loaded_is_right_and_the_same_as_in_the_other_ways(case, loaded, request):
    session = request.config.pluginmanager.get_plugin("compat_grad session")
    if WHY_NOT:
        session.recorder().absent(case, saved_models.NAME, WHY_NOT)
        pytest.skip(WHY_NOT)
    session.proof().refer(case)
    results = loaded.results[case.key]
    reason = not_carried(results)
    if reason:
        session.recorder().absent(case, saved_models.NAME, reason)
        if "value" not in results:
            pytest.skip(reason)

    def run(case):
        here = saved_models.all_of(results) if reason is None else results
        return {order: arrays for order, arrays in here.items() if order != "raised"}

    session.proof().run(case, Way(saved_models.NAME, run, None))


@pytest.mark.skipif(not SAVES, reason=str(WHY_NOT))
def test_gradients_are_left_behind_only_where_they_must_be(loaded):
    if not _tf.saves_gradients:
        assert not any("first" in results for results in loaded.results.values() if isinstance(results, dict))
        return
    left = [key for key, results in loaded.results.items() if not_carried(results)]
    may_lack = MAY_LACK if _tf.loaded_bodies_know_functions else MAY_LACK | {"Control flow"}
    assert {key.partition("/")[0] for key in left} <= may_lack


@pytest.mark.skipif(not SAVES, reason=str(WHY_NOT))
def test_saving_warns_of_what_it_leaves_behind(loaded):
    for results in loaded.results.values():
        reason = not_carried(results)
        if reason and reason.startswith("its gradient is not saved"):
            assert any(reason in warning for warning in loaded.warned), reason
