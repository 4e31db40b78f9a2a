"""Nested lists, tuples, namedtuples and dicts: their leaves with the paths to them, and the way back.

Knows nothing of tensors, but that there may be tuples which are none of these (``WHOLE`` tells).
"""

WHOLE = []  # functions that tell what counts as one leaf whatever it is made of


def _is_sequence(thing):
    return isinstance(thing, (list, tuple)) and not any(is_whole(thing) for is_whole in WHOLE)


def leaves(structure, path=""):
    """Yield (path, leaf) of each leaf: ("[0]['a']", 3)."""
    if isinstance(structure, dict):
        for key in sorted(structure):
            yield from leaves(structure[key], "{}[{!r}]".format(path, key))
    elif _is_sequence(structure):
        names = getattr(structure, "_fields", None)
        for index, item in enumerate(structure):
            step = "[{}]".format(index) if names is None else ".{}".format(names[index])
            yield from leaves(item, path + step)
    else:
        yield path, structure


def fill(structure, values):
    """Return the structure with the next of an iterator of values in place of each leaf."""
    if isinstance(structure, dict):
        filled = {key: fill(structure[key], values) for key in sorted(structure)}
        return {key: filled[key] for key in structure}
    if _is_sequence(structure):
        items = [fill(item, values) for item in structure]
        if hasattr(structure, "_fields"):
            return type(structure)(*items)
        return tuple(items) if isinstance(structure, tuple) else items
    return next(values)
