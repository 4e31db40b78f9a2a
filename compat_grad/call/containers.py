"""How one container opens into its items and is closed again: lists, tuples, dicts, and all that is like them.

The same in every TensorFlow, whose own ``nest`` knows more containers from version to version, and takes more of them
apart than it can put together (mappings that are read only, views). Knows nothing of what the items are.
"""

import collections
import collections.abc
import types


class Container:
    """One kind of container.

    Attributes:
      open: value -> (key, items); the key is hashable and all that is needed beside the type and the items.
      closer: (type, key) -> the function that makes a container of a list of items.
      text: (type, key, texts of the items) -> a readable text.
      path: (key, index) -> how to call the item in an expression.
      names: key -> the names of the items, in their order; None where they have places only.
    """

    __slots__ = ("closer", "names", "open", "path", "text")

    def __init__(self, open, closer, text, path, names):
        self.open = open
        self.closer = closer
        self.text = text
        self.path = path
        self.names = names


def _no_names(key):
    return None


def _place(key, index):
    return "[{}]".format(index)


# --- items by their places ------------------------------------------------------------------------------------


def _places(open, closer, text=None):
    def text_of_call(cls, key, texts):
        return "{}([{}])".format(cls.__name__, ", ".join(texts))

    return Container(open, closer, text or text_of_call, _place, _no_names)


def _items(value):
    return (), list(value)


def _list_text(cls, key, texts):
    return "[{}]".format(", ".join(texts))


def _tuple_text(cls, key, texts):
    return "({}{})".format(", ".join(texts), "," if len(texts) == 1 else "")


def _proxied(value):
    return (), [value.__wrapped__]


def _as_is(cls, key):
    return cls


def _by_mapping(view):
    def closer(cls, key):
        make = collections.OrderedDict if cls.__name__.startswith("odict") else dict
        return lambda items: view(make, items)

    return closer


_LIST = _places(_items, lambda cls, key: list, _list_text)
_TUPLE = _places(_items, lambda cls, key: tuple, _tuple_text)
_SEQUENCE = _places(_items, _as_is)
_DEQUE = _places(
    lambda value: (value.maxlen, list(value)), lambda cls, maxlen: lambda items: collections.deque(items, maxlen)
)
_KEYS = _places(_items, _by_mapping(lambda make, items: make.fromkeys(items).keys()))
_VALUES = _places(_items, _by_mapping(lambda make, items: make(enumerate(items)).values()))
_PAIRS = _places(_items, _by_mapping(lambda make, items: make(items).items()))
# TensorFlow's Modules and Layers hold the containers that are assigned to them in such (wrapt.ObjectProxy).
_PROXY = Container(
    _proxied, lambda cls, key: lambda items: cls(items[0]), lambda cls, key, texts: texts[0], lambda *_: "", _no_names
)

# --- items by their names -------------------------------------------------------------------------------------


def _fields(names_of, closer):
    def open(value):
        names = names_of(type(value))
        return names, [getattr(value, name) for name in names]

    def text(cls, names, texts):
        return "{}({})".format(cls.__name__, ", ".join("{}={}".format(*pair) for pair in zip(names, texts)))

    return Container(open, closer, text, lambda names, index: "." + names[index], _no_names)


def _namedtuple_closer(cls, names):
    return cls._make if hasattr(cls, "_make") else lambda items: cls(*items)


def _attrs_names(cls):
    return tuple([field.name for field in cls.__attrs_attrs__])


def _attrs_closer(cls, names):
    fields = cls.__attrs_attrs__
    given = [getattr(field, "init", True) for field in fields]  # the others are made by the class, and set afterwards
    aliases = [getattr(field, "alias", None) or field.name.lstrip("_") for field in fields]

    def close(items):
        made = cls(**{alias: item for alias, item, take in zip(aliases, items, given) if take})
        for name, item, take in zip(names, items, given):
            if not take:
                object.__setattr__(made, name, item)
        return made

    return close


def _protocol_text(cls, key, texts):
    return "{}({})".format(cls.__name__, ", ".join(texts))


_NAMEDTUPLE = _fields(lambda cls: cls._fields, _namedtuple_closer)
_ATTRS = _fields(_attrs_names, _attrs_closer)
# What a dataclass can say to be a structure (to tf.nest from 2.14 on).
_PROTOCOL = _places(
    lambda value: value.__tf_flatten__(),
    lambda cls, metadata: lambda items: cls.__tf_unflatten__(metadata, tuple(items)),
    _protocol_text,
)

# --- items by keys: in the order of the keys, as in TensorFlow's nest, whatever the order that they came in ------


def _mapping(make, extra=lambda value: None):
    """Return the kind of mappings that ``make(type, extra, pairs)`` makes."""

    def open(value):
        keys = tuple(value)
        return (extra(value), keys), [value[key] for key in sorted(keys)]

    def closer(cls, key):
        more, keys = key
        places = {key: index for index, key in enumerate(sorted(keys))}
        order = [(key, places[key]) for key in keys]
        return lambda items: make(cls, more, [(key, items[place]) for key, place in order])

    def text(cls, key, texts):
        return "{{{}}}".format(", ".join("{!r}: {}".format(*pair) for pair in zip(sorted(key[1]), texts)))

    return Container(open, closer, text, lambda key, i: "[{!r}]".format(sorted(key[1])[i]), lambda key: sorted(key[1]))


def _make_defaultdict(cls, factory, pairs):
    made = cls(factory)
    made.update(pairs)
    return made


def _make_mutable(cls, more, pairs):
    made = cls()
    for key, value in pairs:
        made[key] = value
    return made


_DICT = _mapping(lambda cls, more, pairs: dict(pairs))
_DEFAULTDICT = _mapping(_make_defaultdict, lambda value: value.default_factory)
_MUTABLE_MAPPING = _mapping(_make_mutable)
_MAPPING = _mapping(lambda cls, more, pairs: cls(collections.OrderedDict(pairs)))
_READ_ONLY = _mapping(lambda cls, more, pairs: types.MappingProxyType(collections.OrderedDict(pairs)))

# --- which is what --------------------------------------------------------------------------------------------

_BUILTIN = {
    list: _LIST,
    tuple: _TUPLE,
    dict: _DICT,
    collections.OrderedDict: _MUTABLE_MAPPING,
    collections.defaultdict: _DEFAULTDICT,
    collections.deque: _DEQUE,
    types.MappingProxyType: _READ_ONLY,
}
_VIEWS = (
    (collections.abc.KeysView, _KEYS),
    (collections.abc.ValuesView, _VALUES),
    (collections.abc.ItemsView, _PAIRS),
)
_OTHERS = (
    (collections.abc.MutableMapping, _MUTABLE_MAPPING),
    (collections.abc.Mapping, _MAPPING),
    (collections.abc.Sequence, _SEQUENCE),
)
# Sequences that are one value: of numbers or characters.
_VALUES_THEMSELVES = (str, bytes, bytearray, memoryview, range)


def container_of(value):
    """Return the `Container` that tells how values of this type open; None for what is no container.

    A mapping or sequence of a class that cannot be made of its items is none, which its first instance tells.
    """
    cls = type(value)
    if cls in _BUILTIN:
        return _BUILTIN[cls]
    if issubclass(cls, _VALUES_THEMSELVES):
        return None
    if isinstance(getattr(cls, "__attrs_attrs__", None), (list, tuple)):
        return _ATTRS
    if hasattr(cls, "__tf_flatten__") and hasattr(cls, "__tf_unflatten__"):
        return _PROTOCOL
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return _NAMEDTUPLE
    for kind, container in _VIEWS:
        if issubclass(cls, kind):
            return container
    for kind, container in _OTHERS:
        if issubclass(cls, kind):
            return container if _closes(container, value) else None
        if isinstance(value, kind) and hasattr(value, "__wrapped__"):
            return _PROXY
    return None


def _closes(container, value):
    """Whether value, made of its items anew, holds the same items."""
    try:
        key, items = container.open(value)
        made = container.closer(type(value), key)(items)
        same_key, same_items = container.open(made)
    except (TypeError, ValueError, AttributeError, NotImplementedError):
        return False
    same = len(items) == len(same_items) and all(one is other for one, other in zip(items, same_items))
    # Not the order of the names, which a ChainMap takes from a set (before Python 3.9).
    return same and container.names(key) == container.names(same_key) and type(made) is type(value)
