"""A file from a stranger chooses no code in Keras' safe mode, and what is malformed is one ValueError of ours."""

import contextlib

import pytest
import tensorflow as tf

from compat_grad.keras import form, layer_class
from compat_grad.override import Override
from tests.keras import hostile
from tests.keras.models import KERASES

MUTATIONS = 300
_watched = []


def check_mutations(keras, count, seed):
    """Read so many broken configs, in safe mode where keras has one; return (layers, errors)."""
    layer_of, layers, errors = layer_class(keras), [], []
    scope = hostile.safe_mode(keras)
    if scope is not None and not _watched:
        _watched.append(hostile.Watched())
    watched = _watched[0] if scope is not None else None
    configs = hostile.valid_configs(layer_of)
    with scope or contextlib.ExitStack():
        for config in configs[1:4]:  # whatever Keras loads at its first is loaded
            hostile.read(layer_of, dict(config))
        for config in hostile.mutations(configs, count, seed):
            del hostile.ran[:]
            read = hostile.read(layer_of, config, watched)
            assert not hostile.ran, "the file has chosen to run {}".format(hostile.ran)
            if isinstance(read, Exception):
                errors.append(str(read))
                continue
            layers.append(read)
            if scope is not None:
                for function in hostile.functions_of(read):
                    assert (function.__module__ or "").partition(".")[0] == "tensorflow", function
    assert all(len(error) < 5000 for error in errors)
    if watched is not None:
        assert not watched.seen, "reading configs has done {}".format(watched.seen[:5])
    return layers, errors


@pytest.mark.parametrize("name", sorted(KERASES))
def test_broken_configs_are_errors_of_ours_or_right(name):
    layers, errors = check_mutations(KERASES[name], MUTATIONS, seed=1)
    assert len(layers) + len(errors) == MUTATIONS and layers
    ours = [error for error in errors if error.startswith(("compat_grad: ", "override_gradient", "OverrideGradient"))]
    assert len(ours) == len(errors), [error for error in errors if error not in ours][:3]


@pytest.mark.skipif(not KERASES, reason="overrides are lifted in no Keras of this TensorFlow (1.12)")
@pytest.mark.parametrize(
    "override, words",
    [
        (None, "override is None"),
        ({"function": "os:system"}, "override is \\['function'\\]"),
        ({"registered": 3}, "override\\['registered'\\] is 3"),
        ({"override": "x" * 10**7}, "'module:name'|a name"),
        ({"override": "tests.keras.hostile:instance.prop"}, "'instance.prop' of the module"),
    ],
    ids=["none", "kind", "number", "huge", "property"],
)
def test_the_error_says_where_the_config_is_no_override(override, words):
    with pytest.raises(ValueError, match=words) as raised:
        form.check_override(override) if override is None or "override" not in override else _restore(override)
    assert len(str(raised.value)) < 1000


def _restore(override):
    from compat_grad.keras.config import restore_override

    return restore_override(override, getattr(tf, "keras", None) or KERASES[min(KERASES)])


_DOUBLE = {"function": "tests.keras.models:double"}


@pytest.mark.skipif(not KERASES, reason="overrides are lifted in no Keras of this TensorFlow (1.12)")
@pytest.mark.parametrize(
    "changed, words",
    [
        ({"name": 3}, "override\\['name'\\] is 3, where a name belongs"),
        ({"backward": {"registered": "nobody's"}}, 'no function is registered with Keras as "nobody\'s"'),
        ({"backward": {"function": "no_such_module:f"}}, "'f' of the module 'no_such_module', which cannot be imp"),
        ({"backward": {"function": "tensorflow:no.such"}}, "a function is 'tensorflow:no.such'"),
        ({"backward": {"function": "tensorflow:float32"}}, "a function is 'tensorflow:float32'"),
        ({"backward": {"function": "tests.keras.hostile:STRANGE"}}, "a function is 'tests.keras.hostile:STRANGE'"),
        ({"backward": {"function": "tests.keras.hostile:instance.prop"}}, "'instance.prop' of the module"),
    ],
    ids=["name", "registered", "module", "missing", "no function", "no function of a module", "a property"],
)
def test_outside_of_safe_mode_a_file_is_told_what_is_wrong_with_it(changed, words):
    described = dict(forward=_DOUBLE, backward={"function": "tests.keras.models:ten_times_x"}, surrogate=None)
    assert isinstance(_restore(described), Override)
    del hostile.ran[:]
    with pytest.raises(ValueError, match=words):
        _restore(dict(described, **changed))
    assert not hostile.ran


@pytest.mark.parametrize(
    "described, words",
    [
        ({"dtype": "no such"}, "a dtype is 'no such', where the name of one"),
        ({"array": {"dtype": "no such", "items": [1]}}, "'no such'.* a dtype"),
        ({"array": {"dtype": "int8", "items": [10**40]}}, "an array is"),
    ],
    ids=["dtype", "dtype of an array", "items"],
)
def test_an_argument_that_is_none_is_said_to_be_none(described, words):
    from compat_grad.keras.config import restore_value

    with pytest.raises(ValueError, match=words):
        form.check_value(described, "argument")
        restore_value(described, None)
