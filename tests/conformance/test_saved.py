"""The way "SavedModel, loaded bare": the catalogue saved as one model, loaded where compat_grad cannot be imported.

Right by the formulas, and the same bits as in the other ways. One model and one fresh interpreter for all cases, for
saving and importing take their time.
"""

import collections
import inspect
import os
import pickle
import re
import subprocess
import sys
import warnings

import pytest
import tensorflow as tf

from compat_grad import _tf
from compat_grad.testing import process
from compat_grad.testing.program import program_of
from compat_grad.testing.ways import Way
from tests.conformance import bare, families

pytestmark = pytest.mark.slow
CASES = dict(families.CATALOGUE)  # not the catalogue itself, of which pytest would make the tests of the other ways
NAME = "SavedModel, loaded bare"
LACKS = None
if not (process.IS_TF2 and process.has_functions()):
    LACKS = "this TensorFlow process saves no tf.function that tf.saved_model.load gives back (2.0 brought it)"

#: what the loading process says -> what that means; the values are there nevertheless where only a gradient is not
NOT_CARRIED = (
    (r"[Cc]allback.*pyfunc_", "it calls Python, which stays in the process that made it"),
    (r"was not saved with this model: ([^]\n]*\.)", "its gradient is not saved: {}"),
    (r"registry has no entry for: compat_grad", "this TensorFlow saves no gradients (2.6 brought it)"),
    (r"registry has no entry for: (?:Stateless)?While", "this TensorFlow (2.0, 2.1) differentiates no loaded loop"),
    (r"IndexedSlices", "TensorFlow's loaded gradient functions take no IndexedSlices"),
)
#: The families of which a case need not come with its gradients, where there are gradients in SavedModels.
MAY_LACK = {"py_func and its kin", "IndexedSlices", "Stateful and random forwards"}
Loaded = collections.namedtuple("Loaded", "results warned")


def _add(module, index, case):
    """Have module hold a case; return what its function is called with, and the weights of its derivatives."""
    program = program_of(case)
    variables = [process.variable(value) for value in case.variables]
    f, at = program.of_floating(variables + [tf.constant(array) for array in case.inputs])
    variables = [x for x in at if isinstance(x, tf.Variable)]
    inputs = at[len(variables) :]
    specs = [tf.TensorSpec(x.shape, x.dtype) for x in inputs]
    function = tf.function(lambda *inputs: f(*(variables + list(inputs))), input_signature=specs, autograph=False)
    function.get_concrete_function()  # which raises here what would keep the others from being saved
    setattr(module, "f{}".format(index), function)
    setattr(module, "variables{}".format(index), variables)
    return dict(
        inputs=[x.numpy() for x in inputs],
        weights=program.weights(),
        has_second=case.has_second,
        gradient_weights=case.expected().first_weights,
    )


def _save(module, path):
    """Save module with its gradients where this TensorFlow can; return the warnings."""
    options = {}
    if _tf.saves_gradients and "options" in inspect.signature(tf.saved_model.save).parameters:
        options["options"] = tf.saved_model.SaveOptions(experimental_custom_gradients=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tf.saved_model.save(module, path, **options)
    return [str(warning.message) for warning in caught]


def _load_elsewhere(folder, cases):
    with open(str(folder / "cases"), "wb") as file:
        pickle.dump(cases, file)
    done = subprocess.run(
        [sys.executable, bare.__file__, str(folder)],
        cwd=str(folder),
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    with open(str(folder / "results"), "rb") as file:
        return pickle.load(file)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """What each case gave, by its key, and what saving warned of."""
    if LACKS:
        return None
    folder = tmp_path_factory.mktemp("catalogue")
    module, cases, raised = tf.Module(), [], {}
    for index, case in enumerate(CASES.values()):
        try:
            cases.append(_add(module, index, case))
        except Exception as error:  # which its own test raises
            cases.append(None)
            raised[case.key] = error
    warned = _save(module, str(folder / "model"))
    return Loaded(dict(zip(CASES, _load_elsewhere(folder, cases)), **raised), warned)


def not_carried(results):
    """Return why a case did not come with all that it had, or None."""
    words = results.get("raised", "") if isinstance(results, dict) else ""
    for said, meaning in NOT_CARRIED:
        found = re.search(said, words)
        if found:
            return meaning.format(*found.groups())
    return None


@pytest.mark.parametrize("case", [pytest.param(case, id=key) for key, case in CASES.items()])
def test_what_is_loaded_is_right_and_the_same_as_in_the_other_ways(case, loaded, request):
    session = request.config.pluginmanager.get_plugin("compat_grad session")
    if LACKS:
        session.recorder().absent(case, NAME, LACKS)
        pytest.skip(LACKS)
    session.proof().refer(case)
    results = loaded.results[case.key]
    reason = not_carried(results)
    if reason:
        session.recorder().absent(case, NAME, reason)
        if "value" not in results:
            pytest.skip(reason)

    def run(case):
        if isinstance(results, Exception):
            raise results
        if "raised" in results and not reason:
            raise RuntimeError(results["raised"])
        return {order: arrays for order, arrays in results.items() if order != "raised"}

    session.proof().run(case, Way(NAME, run, LACKS))


@pytest.mark.skipif(LACKS is not None, reason=str(LACKS))
def test_gradients_are_left_behind_only_where_they_must_be(loaded):
    if not _tf.saves_gradients:
        assert not any("first" in results for results in loaded.results.values() if isinstance(results, dict))
        return
    left = [key for key, results in loaded.results.items() if not_carried(results)]
    may_lack = MAY_LACK if _tf.loaded_bodies_know_functions else MAY_LACK | {"Control flow"}
    assert {key.partition("/")[0] for key in left} <= may_lack


@pytest.mark.skipif(LACKS is not None, reason=str(LACKS))
def test_saving_warns_of_what_it_leaves_behind(loaded):
    for results in loaded.results.values():
        reason = not_carried(results)
        if reason and reason.startswith("its gradient is not saved"):
            assert any(reason in warning for warning in loaded.warned), reason
