"""What a description of an override must look like, checked before anything that it names is looked up.

A config comes out of a file, and the file may be damaged or a stranger's: whatever stands in it is either a
description as `config` writes them, or one ValueError that says where it is not. Knows nothing of Keras.
"""

import reprlib

import numpy as np

from compat_grad.call.definition import Definition
from compat_grad.quoting import shortened

MOST_DEEP = 100
LONGEST_NAME = 1000
ROLES = ("forward", "backward", "surrogate")
PLAIN = (bool, int, float, str, type(None))


def malformed(where, found, wanted):
    """Return the error for what stands where something else belongs."""
    return ValueError(
        "compat_grad: the config of an override cannot be read: {} is {}, where {} belongs. The file is damaged, or "
        "compat_grad has not written it.".format(shortened(where), reprlib.repr(found), wanted)
    )


def check_override(described, where="override", depth=0):
    """Raise ValueError unless this is what `describe_override` returns."""
    _check(isinstance(described, dict), where, described, "a dict")
    _check_depth(where, depth)
    for key, check in (("registered", _check_name), ("override", _check_path)):
        if key in described:
            _check(len(described) == 1, where, described, "{!r} alone".format(key))
            return check(described[key], "{}[{!r}]".format(where, key), depth)
    unknown = [key for key in described if key not in Definition._fields]
    _check(not unknown, where, unknown, "a dict of {}".format(", ".join(Definition._fields)))
    for key in ("combine", "strategy", "name", "on_unused"):
        if described.get(key) is not None:
            _check_name(described[key], "{}[{!r}]".format(where, key), depth)
    for role in ROLES:
        _check(role in described, where, list(described), "a dict with {!r}".format(role))
        _check_part(described[role], "{}[{!r}]".format(where, role), depth + 1)


def check_value(described, where, depth=0):
    """Raise ValueError unless this is what `describe_value` returns."""
    _check_depth(where, depth)
    kind, value = only_item(described, where)
    check = _VALUES.get(kind)
    _check(check is not None, where, kind, "one of {}".format(", ".join(_VALUES)))
    check(value, "{}[{!r}]".format(where, kind), depth + 1)


def take(config, *keys):
    """Take what stands under keys out of a layer's config; raises ValueError where there is nothing."""
    for key in keys:
        _check(key in config, "the layer", sorted(map(str, config)), "a config with {!r}".format(key))
    return {key: config.pop(key) for key in keys}


def check_call(described):
    """Raise ValueError unless this is what a layer's config holds of its call."""
    for key, kind in (("own", "tuple"), ("args", "tuple"), ("kwargs", "dict")):
        check_value(described[key], key)
        _check(kind in described[key], key, described[key], "a {}".format(kind))
    names = described["names"]
    fits = isinstance(names, (list, tuple)) and len(names) == 1 and isinstance(names[0], str)
    _check(fits and len(names[0]) <= LONGEST_NAME, "names", names, "a list of the layer's name")


def check_token(described):
    """Raise ValueError unless this is what stands for an override in the config of a copy."""
    fits = set(described) == {"here", "described"} and isinstance(described["here"], str)
    _check(fits, "override", described, "a token with its description")


def only_item(described, where):
    """Return (kind, value) of a description of one kind."""
    fits = isinstance(described, dict) and len(described) == 1 and isinstance(next(iter(described)), str)
    _check(fits, where, described, "a dict of one kind")
    return next(iter(described.items()))


def array_of(described):
    """Return the array of a checked description; raises ValueError for items that make none."""
    try:
        return np.array(described["items"], dtype=described["dtype"])
    except (OverflowError, RecursionError, TypeError, ValueError) as error:
        raise malformed("an array", described["items"], "numbers ({})".format(reprlib.repr(str(error)))) from None


def _check(fits, where, found, wanted):
    if not fits:
        raise malformed(where, found, wanted)


def _check_depth(where, depth):
    if depth > MOST_DEEP:
        raise ValueError(
            "compat_grad: the config of an override cannot be read: it is nested more than {} deep: {}...".format(
                MOST_DEEP, where[:100]
            )
        )


def _check_name(name, where, depth):
    _check(isinstance(name, str) and 0 < len(name) <= LONGEST_NAME, where, name, "a name")


def _check_path(path, where, depth):
    _check_name(path, where, depth)
    module, colon, name = path.partition(":")
    parts = module.split(".") + name.split(".")
    _check(colon and all(part and part.isprintable() for part in parts), where, path, "'module:name'")


def _check_part(part, where, depth):
    if part is None:
        return
    _check_depth(where, depth)
    kind, value = only_item(part, where)
    check = _PARTS.get(kind)
    _check(check is not None, where, kind, "one of {}".format(", ".join(_PARTS)))
    check(value, "{}[{!r}]".format(where, kind), depth + 1)


def _check_ops(ops, where, depth):
    _check(isinstance(ops, dict), where, ops, "a dict from op types")
    for op_type, part in ops.items():
        _check_name(op_type, where, depth)
        _check(part is not None, where, part, "a gradient")
        _check_part(part, "{}[{!r}]".format(where, op_type), depth)


def _check_method(method, where, depth):
    fits = isinstance(method, dict) and set(method) == {"name", "of"}
    _check(fits, where, method, "a dict of name and of")
    _check_name(method["name"], where, depth)
    _check(method["of"] is not None, where, method, "the method's object")
    _check_part(method["of"], where + "['of']", depth)


def _check_kept(kept, where, depth):
    _check(hasattr(kept, "value") and hasattr(kept, "get_config"), where, kept, "what only memory holds")


def _check_layer(layer, where, depth):
    if not isinstance(layer, dict):
        return _check(hasattr(layer, "clone"), where, layer, "a layer's config")
    inner = layer.get("config")
    _check(isinstance(inner, dict) and isinstance(inner.get("layer"), dict), where, layer, "a layer's config")
    _check(isinstance(inner["layer"].get("class_name"), str), where, inner, "the config of a layer with its class")


def _check_items(items, where, depth):
    _check(isinstance(items, (list, tuple)), where, items, "a list")
    for index, item in enumerate(items):
        check_value(item, "{}[{}]".format(where, index), depth)


def _check_dict(items, where, depth):
    _check(isinstance(items, dict), where, items, "a dict")
    for key, item in items.items():
        _check(isinstance(key, str), where, key, "a string")
        check_value(item, "{}[{}]".format(where, reprlib.repr(key)), depth)


def _check_array(array, where, depth):
    _check(isinstance(array, dict) and set(array) == {"dtype", "items"}, where, array, "a dict of dtype and items")
    _check(isinstance(array["dtype"], str) and _is_of_numbers(array["dtype"]), where, array["dtype"], "a dtype")


def _is_of_numbers(dtype):
    try:
        return np.dtype(dtype).kind in "biuf"
    except (SyntaxError, TypeError, ValueError):
        return False


def _check_index(index, where, depth):
    _check(index is None or (type(index) is int and 0 <= index < 2**31), where, index, "None or an index")


def _check_plain(value, where, depth):
    _check(isinstance(value, PLAIN) or callable(value), where, value, "a number or a string")  # see Keras 2 in `layer`


_PARTS = {
    "function": _check_path,
    "gradient": _check_name,
    "kept": _check_kept,
    "layer": _check_layer,
    "method": _check_method,
    "of": check_override,
    "ops": _check_ops,
    "registered": _check_name,
}
_VALUES = {
    "array": _check_array,
    "constant": _check_array,
    "dict": _check_dict,
    "dtype": _check_name,
    "kept": _check_kept,
    "layer": _check_layer,
    "list": _check_items,
    "tensor": _check_index,
    "tuple": _check_items,
    "value": _check_plain,
}
