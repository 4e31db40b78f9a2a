"""Whole files of a stranger: what stands for an override in them runs nothing, reads nothing, and is one error."""

import contextlib
import functools
import json
import zipfile

import numpy as np
import pytest

from tests.keras import hostile
from tests.keras.conftest import has_keras_format, in_keras_format
from tests.keras.models import tenfold

h5py = pytest.importorskip("h5py", reason="comes with every TensorFlow that has Keras models to save")
HUGE = 10**6


def _definition(**changed):
    parts = dict(forward={"function": "tensorflow:identity"}, backward={"gradient": "Identity"}, surrogate=None)
    return dict(parts, **changed)


def _deep(levels):
    described = {"override": "tests.keras.models:tenfold"}
    for _ in range(levels):
        described = _definition(forward={"of": described})
    return described


#: In the place of an override: what is no description, in every format.
MALFORMED = {
    "nothing": None,
    "text": "x" * HUGE,
    "a long path": {"override": "os:" + "x" * HUGE},
    "a long name": _definition(name="x" * HUGE),
    "a long way to combine": _definition(combine="x" * HUGE),
    "a long strategy": _definition(strategy="x" * HUGE),
    "another role": dict(_definition(), exec="os:system"),
    "deep": _deep(150),
    "no override": {"override": "os:system"},
}
#: What chooses code: of a file that is loaded in safe mode.
CHOOSING = {
    "a function": _definition(forward={"function": "os:system"}),
    "exec": _definition(backward={"function": "builtins:exec"}),
    "a module to import": _definition(forward={"function": "antigravity:fly"}),
    "a trap": _definition(surrogate={"function": "tests.keras.hostile:trap"}, backward=None),
    "a property": {"override": "tests.keras.hostile:instance.prop"},
    "reading files": _definition(forward={"function": "tensorflow:io.read_file"}),
    "a method": _definition(forward={"method": {"name": "read", "of": {"function": "builtins:open"}}}),
}


def _saved(keras, path):
    x = keras.Input([3])
    model = keras.Model(x, tenfold(x))
    model.save(path)
    if path.endswith(".keras"):
        in_keras_format(model, path)


def _changed(layers, described):
    """Put another description into the config of the one layer that has one."""
    (config,) = [layer["config"] for layer in layers if "override" in layer["config"]]
    config["override"] = described


def _write_keras(path, to, described):
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                model = json.loads(content.decode())
                _changed(model["config"]["layers"], described)
                content = json.dumps(model)
            new.writestr(name, content)


def _error_of_ours(load):
    """Return what ours says of the file; a Keras may raise an error of its own in its place, and repeat the config."""
    with pytest.raises((ValueError, TypeError)) as caught:
        load()
    error, said = caught.value, str(caught.value)
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    first = str(error)
    assert "compat_grad: " in said
    assert len(first) < 3000, first[:500]
    return first


def test_files_of_keras_choose_nothing(keras, tmp_path):
    if not has_keras_format(keras):
        pytest.skip("this Keras has no .keras format (2.12 and 2.13 brought it), or does not load it in graph mode")
    path, to = str(tmp_path / "model.keras"), str(tmp_path / "strange.keras")
    _saved(keras, path)
    for what, described in sorted(dict(MALFORMED, **CHOOSING).items()):
        _write_keras(path, to, described)
        del hostile.ran[:]
        said = _error_of_ours(functools.partial(keras.models.load_model, to))
        assert not hostile.ran, what
        assert said.startswith("compat_grad: "), (what, said)


def _write_hdf5(path, to, config):
    """Copy a file with another config; of any length, which only a file of HDF5's newer kind holds."""
    with h5py.File(path, "r") as old, h5py.File(to, "w", libver="latest") as new:
        for name in old:
            old.copy(name, new)
        for name, value in old.attrs.items():
            new.attrs[name] = value
        new.attrs["model_config"] = config


def test_hdf5_files_are_one_error_and_choose_nothing(keras, tmp_path):
    path, to = str(tmp_path / "model.h5"), str(tmp_path / "strange.h5")
    _saved(keras, path)
    with h5py.File(path, "r") as file:
        config = file.attrs["model_config"]
    is_text = isinstance(config, str)
    scope = hostile.safe_mode(keras)
    strange = MALFORMED if scope is None else dict(MALFORMED, **CHOOSING)
    with scope or contextlib.ExitStack():
        for what, described in sorted(strange.items()):
            model = json.loads(config if is_text else config.decode())
            _changed(model["config"]["layers"], described)
            text = json.dumps(model)
            _write_hdf5(path, to, text if is_text else np.bytes_(text.encode()))
            del hostile.ran[:]
            said = _error_of_ours(functools.partial(keras.models.load_model, to))
            assert not hostile.ran, what
            assert said.startswith("compat_grad: "), (what, said)
