"""What one process found, as a JSON file: for each case and way the bits of its results, or why there are none.

    DIRECTORY/<tox environment>.<behaviour>.json

Equal results are written once: a case holds its distinct arrays, and each way the numbers of those that it gave.
Knows nothing of TensorFlow.
"""

import hashlib
import json
import os
import time

import numpy as np

ORDERS = ("value", "first", "second", "jacobian", "tangent")


def fingerprint(*folders):
    """Return a hash of the Python files in these folders: results that come from others are stale."""
    paths = []
    for folder in folders:
        for path, inside, files in os.walk(folder):
            inside[:] = [name for name in inside if not _is_foreign(path, name)]
            paths += [os.path.join(path, name) for name in files if name.endswith(".py")]
    digest = hashlib.sha256()
    for path in sorted(paths, key=lambda path: path.split(os.sep)[-2:]):
        digest.update(os.path.basename(path).encode())
        with open(path, "rb") as source:
            digest.update(source.read())
    return digest.hexdigest()[:16]


def _is_foreign(path, name):
    """Whether a folder holds no sources of the project: hidden ones, environments, what was built."""
    if name.startswith(".") or name in ("_build", "build", "dist", "node_modules", "__pycache__"):
        return True
    return os.path.exists(os.path.join(path, name, "pyvenv.cfg"))


class Recorder:
    """Collects results while the tests run."""

    def __init__(self, **about):
        self.about = about
        self._order = []  # of the cases
        self._code = {}
        self._cases = {}

    def declare(self, case, code=None):
        """Take note of a case, whether there will be results or not."""
        if case.key not in self._code:
            self._order.append(case.key)
            self._code[case.key] = case.code if code is None else code

    def found(self, case, way, results):
        """Record results, {order: [array or None]}, of a case in a way."""
        entry = self._entry(case)
        entry["ways"][way] = {order: [_store(entry["arrays"], array) for array in results[order]] for order in results}

    def failed(self, case, way, message):
        self._entry(case)["failed"][way] = message

    def absent(self, case, way, reason, of_case=False):
        """Record why there is nothing: because of this TensorFlow, or by the nature of the case."""
        self._entry(case)["undefined" if of_case else "absent"][way] = reason

    def beside(self, case, verdicts):
        """Record what TensorFlow's own means made of a case: {rival: {mode: verdict}}."""
        self._entry(case)["beside"] = verdicts

    def _entry(self, case):
        self.declare(case)
        if case.key not in self._cases:
            self._cases[case.key] = dict(
                bounds=dict(
                    across=case.ulps,
                    modes=case.ulps_modes,
                    second=case.ulps_second,
                    XLA=case.ulps_xla,
                    vectorized_map=case.ulps_vectorized,
                ),
                arrays=[],
                ways={},
                failed={},
                absent={},
                undefined={},
            )
        return self._cases[case.key]

    def to_text(self):
        """Return everything as text, for `absorb` in another process."""
        return json.dumps(self._everything(), sort_keys=True)

    def absorb(self, text):
        """Take in what a recorder of another process has, of the same environment (`to_text`)."""
        other = json.loads(text)
        started = [about["started"] for about in (self.about, other["about"]) if "started" in about]
        self.about = dict(other["about"], started=min(started))
        for key in other["order"]:
            if key not in self._code:
                self._order.append(key)
                self._code[key] = other["code"][key]
        for key, entry in other["cases"].items():
            _merge(self._cases.setdefault(key, dict(entry, arrays=[], ways={})), entry)

    def _everything(self):
        return dict(about=self.about, order=self._order, code=self._code, cases=self._cases)

    def write(self, directory):
        """Write everything to a file of this process's own."""
        os.makedirs(directory, exist_ok=True)
        now = time.time()
        seconds = round(now - self.about.pop("started", now), 1)
        self.about.setdefault("seconds", seconds)
        self.about.setdefault("written", time.strftime("%Y-%m-%d %H:%M:%S"))
        name = "{environment}.{behaviour}.json".format(**self.about)
        path = os.path.join(directory, name)
        with open(path + ".part", "w") as file:
            json.dump(self._everything(), file, sort_keys=True)
        os.replace(path + ".part", path)


def _merge(own, entry):
    """Put the results that a case has in another recorder among its own."""
    numbers = {-1: -1}
    for number, coded in enumerate(entry["arrays"]):
        numbers[number] = _number_of(own["arrays"], coded)
    for way, results in entry["ways"].items():
        own["ways"][way] = {order: [numbers[number] for number in found] for order, found in results.items()}
    for kind in ("failed", "absent", "undefined", "beside"):
        if kind in entry:
            own.setdefault(kind, {}).update(entry[kind])


def _store(arrays, array):
    """Return the number of an array among arrays, adding it; -1 for None."""
    if array is None:
        return -1
    array = np.asarray(array)
    if array.dtype.kind not in "biufc":
        coded = dict(dtype="object", shape=list(array.shape), text=[str(item) for item in array.reshape(-1).tolist()])
    else:
        coded = dict(dtype=array.dtype.name, shape=list(array.shape), bits=array.tobytes().hex())
    return _number_of(arrays, coded)


def _number_of(arrays, coded):
    if coded not in arrays:
        arrays.append(coded)
    return arrays.index(coded)


def decode(coded):
    """Return the array that a result file holds in this form."""
    if "text" in coded:
        return np.array(coded["text"], object).reshape(coded["shape"])
    return np.frombuffer(bytes.fromhex(coded["bits"]), coded["dtype"]).reshape(coded["shape"])


def load(path):
    """Return what `Recorder.write` wrote.

    Raises:
      ValueError: it is no JSON.
    """
    with open(path) as file:
        try:
            return json.load(file)
        except ValueError as error:
            raise ValueError("{} holds no results: {}".format(path, error)) from None
