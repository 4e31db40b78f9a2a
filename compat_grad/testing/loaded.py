"""The way "SavedModel, loaded bare": cases saved as one model, and differentiated by a process without compat_grad.

One process (`bare`) serves all that is saved in this one, for to import TensorFlow takes it seconds. Knows nothing of
what the results should be.
"""

import atexit
import collections
import contextlib
import os
import pickle
import pkgutil
import re
import shutil
import subprocess
import sys
import tempfile
import warnings

from compat_grad import _tf
from compat_grad._tf import tf
from compat_grad.testing import process
from compat_grad.testing.measured import complete
from compat_grad.testing.program import program_of

NAME = "SavedModel, loaded bare"

#: what the loading process says -> what TensorFlow itself, and no override, cannot do
_REFUSALS = (
    (r"[Cc]allback.*pyfunc_", "it calls Python (py_function), which stays in the process that made it"),
    (r"registry has no entry for: (?:Stateless)?While", "this TensorFlow (2.0, 2.1) differentiates no loaded loop"),
    (r"was not saved with this model: (it is inside a loop or branch[^]\n]*)\.", "{}"),
    (r"IndexedSlices", "TensorFlow's loaded gradient functions take no IndexedSlices"),
)
_SENTENCE = re.compile(r"override_gradient [^\n]*?: its gradient was not saved with this model: [^]\n]*\.")

#: What came of cases: a list of {order: [array or None]}, "raised" among them (see `bare`), or of exceptions; and what
#: saving warned of.
Loaded = collections.namedtuple("Loaded", "results warned")


class LoadedModelRaises(Exception):
    """What the loading process raised, in our words where they are among them."""


def lacks():
    """Return why this process has no such way, or None."""
    if not (process.IS_TF2 and process.has_functions()):
        return "this process saves no tf.function that tf.saved_model.load gives back (TensorFlow 2.0 brought it)"
    return None if _tf.saves_gradients else "this TensorFlow saves no gradients with a model (2.6 brought it)"


def run(case):
    """Return {order: [array or None]} of a case.

    Raises:
      LoadedModelRaises: the loaded model has not all that the case has.
    """
    return all_of(run_all([case]).results[0])


def all_of(results):
    """Return the results of a case if none is missing; raise what kept the others."""
    if isinstance(results, Exception):
        raise results
    if "raised" in results:
        words = "\n".join(results["raised"]).replace("\\'", "'")  # assertions tell strings as a C++ program writes them
        sentence = _SENTENCE.search(words)
        raise LoadedModelRaises(sentence.group() if sentence else words)
    return results


def what_is_not_saved(words):
    """Return what keeps TensorFlow from saving or loading, if that is what words say, else None."""
    for said, meaning in _REFUSALS:
        found = re.search(said, words)
        if found:
            return meaning.format(*found.groups())
    return None


def run_all(cases):
    """Return the `Loaded` of cases, which are saved as one model."""
    module, calls, errors = tf.Module(), [], {}
    for index, case in enumerate(cases):
        try:
            complete(case)
            calls.append(_add(module, index, case))
        except Exception as error:  # which must not keep the others from being saved
            calls.append(None)
            errors[index] = error
    folder = tempfile.mkdtemp(prefix="compat_grad_")
    try:
        warned = _save(module, os.path.join(folder, "model"))
        with open(os.path.join(folder, "cases"), "wb") as file:
            pickle.dump(calls, file)
        _ask_the_process(folder)
        with open(os.path.join(folder, "results"), "rb") as file:
            results = pickle.load(file)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Loaded([errors.get(index, found) for index, found in enumerate(results)], warned)


def _add(module, index, case):
    """Have module hold a case; return what its function is called with, and the weights of its derivatives."""
    program = program_of(case)
    own = [process.variable(value) for value in case.variables]
    f, at = program.of_floating(own + [tf.constant(array) for array in case.inputs])
    at = [tf.convert_to_tensor(x) if not isinstance(x, tf.Variable) else x for x in at]
    variables = [x for x in at if isinstance(x, tf.Variable)]

    def of_inputs(*inputs):
        left = iter(inputs)
        return f(*[x if isinstance(x, tf.Variable) else next(left) for x in at])

    specs = [tf.TensorSpec(x.shape, x.dtype) for x in at if not isinstance(x, tf.Variable)]
    function = tf.function(of_inputs, input_signature=specs, autograph=False)
    traced = function.get_concrete_function()  # raises here what would keep the others from being saved
    setattr(module, "f{}".format(index), function)
    setattr(module, "variables{}".format(index), variables)
    setattr(module, "held{}".format(index), list(traced.graph.variables))  # a function that uses others is not saved
    return dict(
        at=[None if isinstance(x, tf.Variable) else x.numpy() for x in at],
        weights=program.weights(),
        has_second=case.has_second,
        gradient_weights=case.expected().first_weights,
    )


def _save(module, path):
    """Save module with its gradients where this TensorFlow can; return the warnings."""
    options = {}
    if _tf.saves_gradients:  # pragma: no branch (2.0 to 2.5, whose slow tests are not measured)
        options["options"] = tf.saved_model.SaveOptions(experimental_custom_gradients=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tf.saved_model.save(module, path, **options)
    return [str(warning.message) for warning in caught]


class _LoadingProcess:
    """A Python that runs a copy of `bare` until it is closed."""

    def __init__(self):
        self._folder = tempfile.mkdtemp(prefix="compat_grad_")
        with open(os.path.join(self._folder, "bare.py"), "wb") as copy:
            copy.write(pkgutil.get_data(__name__, "bare.py"))
        self._said = os.path.join(self._folder, "said")
        self.of = os.getpid()  # a fork must start one of its own
        with open(self._said, "w") as said:
            self._process = subprocess.Popen(
                [sys.executable, "bare.py"],
                cwd=self._folder,
                env=dict({"TF_FORCE_GPU_ALLOW_GROWTH": "true"}, **os.environ),  # this process has most of it
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                universal_newlines=True,
            )

    def ask(self, folder):
        """Have it load the model in a folder."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(folder + "\n")
            self._process.stdin.flush()
        if self._process.stdout.readline() != folder + "\n":
            with open(self._said) as said:
                words = said.read()[-3000:].strip()
            self.close()
            raise LoadedModelRaises("the process that loads the model has ended: {}".format(words))

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


_running = []  # the process, once there is one
_one_at_a_time = _tf.Lock()


def _ask_the_process(folder):
    with _one_at_a_time:
        if _running and _running[0].of != os.getpid():  # pragma: no cover (a forked process)
            _running.clear()
        if not _running:
            _running.append(_LoadingProcess())
            atexit.register(_end)
        try:
            _running[0].ask(folder)
        except LoadedModelRaises:
            _running.clear()
            raise


def _end():
    if _running and _running[0].of == os.getpid():
        _running.pop().close()
