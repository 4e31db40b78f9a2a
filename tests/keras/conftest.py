"""The formats that a Keras saves models in."""

import inspect
import os
import zipfile

import pytest
import tensorflow as tf

from tests import modes

FORMATS = {".h5": "HDF5", ".keras": "Keras", "": "SavedModel"}


@pytest.fixture(params=sorted(FORMATS), ids=lambda suffix: FORMATS[suffix])
def saved(request, keras, tmp_path):
    """Returns a function: the path of a model that it has saved, in each format that this Keras has."""
    suffix = request.param
    if suffix == ".keras" and not has_keras_format(keras):
        pytest.skip("this Keras has no .keras format (2.12 and 2.13 brought it), or does not load it in graph mode")
    if suffix == "" and (hasattr(keras, "Operation") or not _revives_layers(keras)):
        pytest.skip("this Keras saves no SavedModels, or loads their layers without their class (before 2.3)")

    def save(model):
        path = str(tmp_path / "model") + suffix
        options = {}
        if suffix == "" and "experimental_custom_gradients" in inspect.signature(tf.saved_model.SaveOptions).parameters:
            options["options"] = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
        if suffix == "" and not tf.executing_eagerly() and "save_format" in inspect.signature(model.save).parameters:
            options["save_format"] = "tf"
        model.save(path, **options)
        if suffix == ".keras":
            in_keras_format(model, path)
        assert os.path.exists(path)
        return path

    save.suffix = suffix
    return save


def in_keras_format(model, path):
    """Save the model once more if the .keras file has another format: 2.12 writes HDF5 there unless it is asked."""
    if not zipfile.is_zipfile(path):
        model.save(path, save_format="keras_v3")
    assert zipfile.is_zipfile(path)


def _revives_layers(keras):
    options = getattr(tf.saved_model, "SaveOptions", None)
    return options is not None and "experimental_io_device" in inspect.signature(options).parameters


def has_keras_format(keras):
    loads = "safe_mode" in inspect.signature(keras.models.load_model).parameters
    return loads and (hasattr(keras, "Operation") or modes.HAS_EAGER)
