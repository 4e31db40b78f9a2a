"""Every container that holds tensors is taken apart, in every TensorFlow; what hides them says so."""

import collections
import collections.abc
import types

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from tests.modes import assert_same_bits, flat

X = np.array([0.5, -1.25, 3.0], np.float32)
Y = np.array([2.0, 4.0, -0.5], np.float32)


def first(mode, f, *arrays):
    """Return [f's outputs, their gradients], the outputs weighted 2, 3, 5, 7."""

    def program(differentiate, *inputs):
        outputs, gradients = differentiate(f, inputs, [2.0, 3.0, 5.0, 7.0])
        return flat(outputs), gradients

    return mode.run(program, *arrays)


class Field:
    def __init__(self, name, init=True):
        self.name = name
        self.init = init


class Attrs:
    """What attrs makes of a class with two fields and one that it fills in itself, as far as anybody looks."""

    __attrs_attrs__ = (Field("a"), Field("_b"), Field("c", init=False))

    def __init__(self, a, b):
        self.a, self._b, self.c = a, b, None


class Params(collections.abc.Mapping):
    """A mapping of a user's own, read only."""

    def __init__(self, content):
        self._content = content

    def __getitem__(self, key):
        return self._content[key]

    def __iter__(self):
        return iter(self._content)

    def __len__(self):
        return len(self._content)


class Row(collections.abc.Sequence):
    """A sequence of a user's own."""

    def __init__(self, items):
        self._items = items

    def __getitem__(self, index):
        return self._items[index]

    def __len__(self):
        return len(self._items)


class Declared:
    """A class that says itself how it is taken apart, as a dataclass can (tf.nest knows it from 2.14 on)."""

    def __init__(self, label, parts):
        self.label, self.parts = label, parts

    def __tf_flatten__(self):
        return (self.label,), tuple(self.parts)

    @classmethod
    def __tf_unflatten__(cls, metadata, components):
        return cls(metadata[0], list(components))


class UserList(collections.UserList):
    pass


class Interval(collections.namedtuple("Interval", "low high")):
    """A namedtuple that is made of something else than its fields."""

    def __new__(cls, middle, radius):
        return super().__new__(cls, middle - radius, middle + radius)


class DictOfOurs(dict):
    pass


class ListOfOurs(list):
    pass


#: name: (made of a and b, how a and b are found in it again)
CONTAINERS = collections.OrderedDict(
    [
        ("dict.values()", (lambda a, b: {"b": a, "a": b}.values(), list)),
        ("dict.items()", (lambda a, b: {"b": a, "a": b}.items(), lambda c: [dict(c)["b"], dict(c)["a"]])),
        ("OrderedDict.values()", (lambda a, b: collections.OrderedDict([("b", a), ("a", b)]).values(), list)),
        ("MappingProxyType", (lambda a, b: types.MappingProxyType({"b": a, "a": b}), lambda c: [c["b"], c["a"]])),
        ("attrs", (Attrs, lambda c: [c.a, c._b])),
        ("a Mapping", (lambda a, b: Params({"b": a, "a": b}), lambda c: [c["b"], c["a"]])),
        ("a Sequence", (lambda a, b: Row([a, b]), list)),
        ("UserDict", (lambda a, b: collections.UserDict(b=a, a=b), lambda c: [c["b"], c["a"]])),
        ("UserList", (lambda a, b: UserList([a, b]), list)),
        ("a namedtuple made otherwise", (lambda a, b: Interval._make([a, b]), list)),
        ("deque", (lambda a, b: collections.deque([a, b], 5), list)),
        ("defaultdict", (lambda a, b: collections.defaultdict(list, b=a, a=b), lambda c: [c["b"], c["a"]])),
        ("ChainMap", (lambda a, b: collections.ChainMap({"b": a}, {"a": b}), lambda c: [c["b"], c["a"]])),
        ("a subclass of dict", (lambda a, b: DictOfOurs(b=a, a=b), lambda c: [c["b"], c["a"]])),
        ("a subclass of list", (lambda a, b: ListOfOurs([a, b]), list)),
        ("a declared class", (lambda a, b: Declared("label", [a, b]), lambda c: c.parts)),
        ("a declared class with a list", (lambda a, b: Declared(["label"], [a, b]), lambda c: c.parts)),
        (
            "one in the other",
            (lambda a, b: [Params({"a": Row([a])}), {"b": b}.values()], lambda c: [c[0]["a"][0], *c[1]]),
        ),
    ]
)


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "beside a tensor"])
@pytest.mark.parametrize("case", CONTAINERS)
def test_what_a_container_holds_gets_its_gradient(mode, case, alone):
    make, find = CONTAINERS[case]
    kinds = []

    def forward(container, x=1.0):
        kinds.append(type(container))
        a, b = find(container)
        return a * b * x

    def backward(op, dy):
        kinds.append(type(op.arguments["container"]))
        a, b = find(op.args[0])
        assert any(a is one for one in op.inputs) and any(b is one for one in op.inputs)
        return op_by_identity(op, {id(a): 10.0 * dy * b, id(b): 100.0 * dy})

    def op_by_identity(op, gradients):
        return [gradients.get(id(one)) for one in op.inputs]

    f = override_gradient(forward, backward)
    for _ in range(2):
        outputs, gradients = first(mode, lambda a, b: f(make(a, b), *([] if alone else [tf.ones([])])), X, Y)
        assert_same_bits([outputs, gradients], [[X * Y], [20 * Y, np.full_like(X, 200)]])
    assert set(kinds) == {type(make(1, 2))}


@pytest.mark.parametrize("case", sorted(set(CONTAINERS) - {"one in the other", "dict.items()"}))
def test_a_container_comes_out_as_it_was(mode, case):
    make, find = CONTAINERS[case]
    kinds = []

    def call(a, b):
        result = f(a, b)
        kinds.append(type(result))
        return list(find(result))

    f = override_gradient(lambda a, b: make(a * 2.0, b * 3.0), lambda op, *dys: (10.0 * sum(dys), None))
    outputs, _ = first(mode, call, X, Y)
    assert_same_bits(outputs, [2 * X, 3 * Y])
    assert kinds[0] is type(make(1, 2))


def test_a_gradient_may_come_in_a_container_of_the_same_structure(mode):
    f = override_gradient(
        lambda params, x: params["w"] * params["b"] * x,
        lambda op, dy: (Params({"w": 10.0 * dy, "b": 100.0 * dy}), None),
    )
    _, gradients = first(mode, lambda w, b: f(types.MappingProxyType({"w": w, "b": b}), tf.ones([])), X, Y)
    assert_same_bits(gradients, [np.full_like(X, 20), np.full_like(X, 200)])


def test_lists_that_a_module_holds_are_taken_apart(mode):
    if not hasattr(tf, "Module"):
        pytest.skip("TensorFlow has tf.Module from 1.14 on")

    def call(a, b):
        module = tf.Module()
        module.list, module.dict, module.tuple = [a], {"b": b}, (a, b)  # wrapped, to be tracked
        return f(module.list, module.dict, module.tuple)

    f = override_gradient(lambda x, y, z: x[0] * y["b"], lambda op, dy: (10.0 * dy, 100.0 * dy, None, None))
    outputs, gradients = first(mode, call, X, Y)
    assert_same_bits([outputs, gradients], [[X * Y], [np.full_like(X, 20), np.full_like(X, 200)]])


class Config(collections.abc.Mapping):
    """A mapping that is not made of a mapping."""

    def __init__(self, path, **content):
        self._content = content

    __getitem__, __iter__, __len__ = Params.__getitem__, Params.__iter__, Params.__len__


class OfNames(collections.abc.Mapping):
    """A mapping that is made of names and values."""

    def __init__(self, **content):
        self._content = content

    __getitem__, __iter__, __len__ = Params.__getitem__, Params.__iter__, Params.__len__


class Halved(collections.abc.Mapping):
    """A mapping that holds something else than what it is made of."""

    def __init__(self, content):
        self._content = {key: 0.5 * value for key, value in content.items()}

    __getitem__, __iter__, __len__ = Params.__getitem__, Params.__iter__, Params.__len__


@pytest.mark.parametrize(
    "config",
    [Config("path", factor=3.0), OfNames(factor=3.0), Halved({"factor": 6.0})],
    ids=["made empty", "refuses", "made of other values"],
)
def test_a_mapping_that_cannot_be_made_anew_is_a_plain_value(mode, config):
    seen = []

    def forward(x, config):
        seen.append(config)
        return x * config["factor"]

    f = override_gradient(forward, lambda op, dy: seen.append(op.inputs[1]) or 10.0 * dy)
    _, gradients = first(mode, lambda x: f(x, config), X)
    assert_same_bits(gradients, [np.full_like(X, 20)])
    assert all(one is config for one in seen)


# --- what nobody sees is captured, and says so where it can be seen ------------------------------------------------


class Holder:
    def __init__(self, tensor):
        self.tensor = tensor


class Slotted:
    __slots__ = ("empty", "tensor")

    def __init__(self, tensor):
        self.tensor = tensor


def _object_array(tensor):
    array = np.empty([1], object)
    array[0] = tensor
    return array


def _tensor_array(tensor):
    return tf.TensorArray(tf.float32, size=1).write(0, tensor)


HIDING = collections.OrderedDict(
    [
        ("object array", (_object_array, lambda h: h[0], "has tensors as elements")),
        ("generator", (lambda x: (one for one in [x]), next, "one by one")),
        ("iterator", (lambda x: iter([x]), next, "one by one")),
        ("map", (lambda x: map(tf.identity, [x]), next, "one by one")),
        ("object", (Holder, lambda h: h.tensor, "has tensors in its attribute 'tensor'")),
        ("object with a list", (lambda x: Holder([1, x]), lambda h: h.tensor[1], "in its attribute 'tensor'")),
        ("object with slots", (Slotted, lambda h: h.tensor, "has tensors in its attribute 'tensor'")),
        ("slice", (lambda x: slice(x), lambda h: h.stop, "has tensors in its attribute 'stop'")),
        ("TensorArray", (_tensor_array, lambda h: h.stack()[0], r"keeps its tensors .*stack\(\)")),
        ("config with a tensor", (lambda x: Config("p", x=x), lambda h: h["x"], "in its attribute '_content'")),
    ]
)


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "beside a tensor"])
@pytest.mark.parametrize("case", HIDING)
def test_a_hidden_tensor_is_captured_and_that_is_said(mode, case, alone):
    hide, find, where = HIDING[case]
    f = override_gradient(
        lambda holder, x=2.0: find(holder) * x, lambda op, dy: [10.0 * dy] * (len(op.inputs) - 1), name="f"
    )

    def check():
        outputs, gradients = first(
            mode, lambda x, y: [f(hide(x)) if alone else f(hide(x), y), x * 1.0], X, np.float32([2, 2, 2])
        )
        assert_same_bits(outputs, [2 * X, X])
        assert_same_bits(gradients[0], np.full_like(X, 3))  # of the second output alone

    with pytest.warns(UserWarning, match="'f': the argument 'holder' .* {}".format(where)):
        check()
    check()  # it has been said


@pytest.mark.parametrize(
    "value", [Holder(3.0), slice(1, 2), np.array([None, 1], object), np.float32([1]), {1, 2}, tf.float32, len], ids=str
)
def test_what_hides_nothing_says_nothing(mode, value, recwarn):
    f = override_gradient(lambda x, value: x * 2.0, lambda op, dy: 10.0 * dy)
    first(mode, lambda x: f(x, value), X)
    assert not [one for one in recwarn if "override" in str(one.message)]


CUSTOM_GRADIENT = pytest.param(
    "custom_gradient",
    marks=pytest.mark.skipif(
        not hasattr(tf, "custom_gradient"), reason="TensorFlow has tf.custom_gradient from 1.7 on"
    ),
)

# --- without any tensor -------------------------------------------------------------------------------------------


def test_a_captured_tensor_gets_no_gradient_where_nothing_is_passed(mode):
    def call(x):
        f = override_gradient(lambda factor=3.0: x * factor, lambda op, dy: dy)
        return [f(), f(2.0), f(factor=2.0), x * 1.0]

    outputs, gradients = first(mode, call, X)
    assert_same_bits(outputs, [3 * X, 2 * X, 2 * X, X])
    assert_same_bits(gradients, [np.full_like(X, 7)])


def test_a_captured_variable_is_refused_where_nothing_is_passed(mode):
    def program(differentiate, w):
        f = override_gradient(lambda: w * 3.0, lambda op, dy: dy, name="f")
        with pytest.raises(ValueError, match="'f': forward uses the trainable variable"):
            f()
        return [tf.constant(0.0)]

    mode.run(program, variables=[X])


@pytest.mark.parametrize("strategy", ["auto", "gradient_override_map", CUSTOM_GRADIENT])
def test_a_backward_that_takes_variables_is_called_where_nothing_is_passed(mode, strategy):
    def program(differentiate, w):
        f = override_gradient(lambda: w * 3.0, lambda op, dy, variables: ([], [10.0 * dy]), strategy=strategy)
        outputs, gradients = differentiate(lambda w: f(), [w], [2.0])
        return flat(outputs), gradients

    outputs, gradients = mode.run(program, variables=[X])
    assert_same_bits([outputs, gradients], [[3 * X], [np.full_like(X, 20)]])


@pytest.mark.parametrize("strategy", ["auto", "gradient_override_map", CUSTOM_GRADIENT, "stop_gradient"])
def test_a_surrogate_has_the_gradient_where_nothing_is_passed(mode, strategy):
    def call(x):
        return override_gradient(lambda: tf.sign(x), surrogate=lambda: 10.0 * x, strategy=strategy)()

    outputs, gradients = first(mode, call, X)
    assert_same_bits(gradients, [np.full_like(X, 20)])


def test_what_is_no_tensor_comes_out_as_it_was_where_nothing_is_passed(mode):
    f = override_gradient(lambda n: {"y": tf.fill([2], n), "label": "a", "n": n}, lambda op, dy: None)

    def program(differentiate, x):
        made = f(3.0)
        assert (made["label"], made["n"]) == ("a", 3.0)
        return [made["y"]]

    assert_same_bits(mode.run(program, X), [np.full([2], 3, np.float32)])


def test_a_gradient_in_the_place_of_a_list_is_none_of_its_items(mode):
    f = override_gradient(lambda pair, c: pair[0] * pair[1] * c, lambda op, dy: (10.0 * dy, 100.0 * dy))
    with pytest.raises(ValueError, match="2 gradients, but forward has 3 tensors"):
        first(mode, lambda a, b: f([a, b], a), X, Y)


def test_gradients_by_name_may_be_in_a_container_of_another_type(mode):
    class Gradients(list):
        """That nothing has been taken apart of before."""

    f = override_gradient(lambda pair: pair[0] * pair[1], lambda op, dy: {"pair": Gradients([10.0 * dy, 100.0 * dy])})
    _, gradients = first(mode, lambda x, y: f([x, y]), X, Y)
    assert_same_bits(gradients, [np.full_like(X, 20), np.full_like(X, 200)])
