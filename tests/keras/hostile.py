"""Broken and hostile configs of overrides: valid ones, changed at random, and what may come of reading them."""

import contextlib
import copy
import importlib
import json
import random
import sys

import numpy as np
import tensorflow as tf

from compat_grad import override_gradient
from compat_grad.override import Override
from tests.keras.models import double, ten_times_x, tenfold

OURS = ("override", "own", "args", "kwargs", "names", "cast_inputs")
ran = []  # what `trap` was called with: a file has chosen code to run


def trap(*args, **kwargs):
    """Tell that it was called, which no file may bring about."""
    ran.append((args, kwargs))
    return args[0] if args else None


class Trap:
    """Has a property that tells of being read."""

    @property
    def prop(self):
        return trap("property")


instance = Trap()


def _deep(levels):
    value = {"value": 1}
    for _ in range(levels):
        value = {"list": [value]}
    return value


def _cycle():
    value = {"list": []}
    value["list"].append(value)
    return value


STRANGE = [
    lambda: None,
    lambda: True,
    lambda: -1,
    lambda: 10**400,
    lambda: 2**63,
    lambda: float("nan"),
    lambda: float("-inf"),
    lambda: "",
    lambda: "x" * 100000,
    lambda: "\0:\0",
    lambda: b"bytes",
    lambda: [],
    lambda: {},
    lambda: {float("nan"): 1},
    lambda: {"value": 1, "list": []},
    lambda: [[[[[]]]]],
    lambda: _deep(3),
    lambda: _deep(5000),
    _cycle,
    lambda: {"array": {"dtype": "V100000000000", "items": [0]}},
    lambda: {"array": {"dtype": "object", "items": [{}]}},
    lambda: {"array": {"dtype": "int8", "items": [10**40]}},
    lambda: {"constant": {"dtype": "float32", "items": [[1.0], [1.0, 2.0]]}},
    lambda: {"dtype": "no such"},
    lambda: {"tensor": -(10**30)},
    lambda: {"function": "os:system"},
    lambda: {"function": "builtins:exec"},
    lambda: {"function": "subprocess:Popen"},
    lambda: {"function": "antigravity:fly"},
    lambda: {"function": "tests.keras.hostile:trap"},
    lambda: {"function": "tests.keras.hostile:instance.prop"},
    lambda: {"function": "tensorflow:io.read_file"},
    lambda: {"function": "tensorflow:py_function"},
    lambda: {"function": "tensorflow:nn.__builtins__"},
    lambda: {"function": "tensorflow:nn"},
    lambda: {"override": "tests.keras.hostile:trap"},
    lambda: {"of": {"override": "os:system"}},
    lambda: {"registered": ["list"]},
    lambda: {"registered": "no such"},
    lambda: {"kept": {"value": 1}},
    lambda: {"method": {"name": "__init__", "of": {"function": "os:system"}}},
    lambda: {"layer": {"class_name": "WrappedLayer", "config": {"layer": {}}}},
    lambda: {"here": "no such", "described": None},
    lambda: "os:system",
    lambda: "tests.keras.hostile:trap",
]


def valid_configs(layer_of):
    """Return the configs of some layers, as out of a file; layer_of: `OverrideGradient` of a Keras."""
    layers = [
        layer_of(double, ten_times_x, name="functions"),
        layer_of(tenfold, name="by_name"),
        layer_of(tf.nn.relu, "Identity", name="registered"),
        layer_of(tf.sign, surrogate=tf.identity, combine="add", name="surrogate"),
        layer_of(tf.nn.relu, {"Relu": ten_times_x}, name="ops"),
        layer_of(override_gradient(double, ten_times_x), name="override"),
        layer_of(_shifted, ten_times_x, arguments=dict(by=np.ones([3], np.float32), how=["a", (1, None)]), name="more"),
    ]
    return [json.loads(json.dumps(layer.get_config(), default=_as_keras_writes)) for layer in layers]


def _shifted(x, by=0.0, how=None):
    return x + by


def _as_keras_writes(thing):
    return {"class_name": type(thing).__name__, "config": thing.get_config()}


def mutations(configs, count, seed):
    """Yield so many configs, each a valid one with one to three changes at random places."""
    choose = random.Random(seed)
    for _ in range(count):
        config = copy.deepcopy(choose.choice(configs))
        for _ in range(choose.randint(1, 3)):
            _change(config, choose)
        yield config


def _change(config, choose):
    places = [(config, key) for key in OURS if key in config]
    for holder, key in places:  # and what is found in them, as it is appended
        inner = holder[key]
        if len(places) < 200 and isinstance(inner, (dict, list)):
            places += [(inner, key) for key in (inner if isinstance(inner, dict) else range(len(inner)))]
    if not places:
        return
    holder, key = choose.choice(places)
    how = choose.random()
    if how < 0.15:
        del holder[key]
    elif how < 0.3 and isinstance(holder, dict):
        holder[choose.choice(["registered", "ops", "kept", "extra", "Override", 7])] = holder.pop(key)
    elif how < 0.45:
        other, name = choose.choice(places)
        with contextlib.suppress(IndexError, KeyError):  # of what was cut off meanwhile
            holder[key] = other[name]
    else:
        holder[key] = choose.choice(STRANGE)()


def safe_mode(keras):
    """Return the scope in which this Keras loads a file that is not trusted; None where it has no safe mode."""
    root = keras.layers.Layer.__module__.partition(".")[0]
    for module in (root + ".src.saving.serialization_lib", root + ".saving.serialization_lib"):
        try:
            return importlib.import_module(module).SafeModeScope(True)
        except (AttributeError, ImportError):
            continue
    return None


class Watched:
    """What Python tells of files opened and modules imported while configs are read (from Python 3.8 on)."""

    def __init__(self):
        self.seen, self._listening = [], False
        if hasattr(sys, "addaudithook"):
            sys.addaudithook(self._hear)

    def _hear(self, event, args):
        if self._listening and event in ("open", "exec", "compile", "os.system", "subprocess.Popen", "import"):
            self.seen.append((event, args[:1]))

    @contextlib.contextmanager
    def listening(self):
        self._listening = True
        try:
            yield
        finally:
            self._listening = False


def read(layer_of, config, watched=None):
    """Return the layer, or the ValueError or LookupError, that a config gives; anything else is raised."""
    with watched.listening() if watched is not None else contextlib.ExitStack():
        try:
            return layer_of.from_config(config)
        except (LookupError, ValueError) as error:
            if isinstance(error, (IndexError, KeyError)):
                raise
            return error


def functions_of(layer):
    """Yield the functions that a layer would run; those of an override that a module defines are its own affair."""
    override = layer._layer_call.override
    if override is tenfold:
        return
    for part in override._definition[:3]:
        for function in part.values() if isinstance(part, dict) else [part]:
            if callable(function) and not isinstance(function, Override):
                yield function
