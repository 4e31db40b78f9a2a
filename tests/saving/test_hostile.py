"""What a stranger's graph says of our calls is a call of an override of this process, or one LookupError of ours."""

import json
import random

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from compat_grad import _tf, override_gradient, recall_gradients
from compat_grad.saving import recalled
from tests import modes
from tests.modes import v1

MUTATIONS = 300
STRANGE = [None, True, -1, 10**30, 1e999, "", "x" * 100000, [], {}, {"input": 0}, {"input": -1}, {"other": {}}]
STRANGE += [{"array": ["V99999999999", 0]}, {"scalar": ["O", {}]}, {"dtype": "no such"}, {"array": ["<f4", [[1], 2]]}]
STRANGE += [{"os:system": []}, {"list": [{"tuple": {}}]}, {"dict": [[[], 1]]}, {"scalar": ["i1", 1e300]}]


def _ops():
    """Return the overrides that calls are told of, and the ops that tell of them."""
    f = override_gradient(lambda x, by=0.0, how=None: 2.0 * x + by, lambda op, dy: 10.0 * dy, name="told")
    g = override_gradient(tf.sign, surrogate=tf.identity, name="told surrogate")
    x = tf.constant([1.0, 2.0])
    f(x)
    f(x, how=["a", (1, None), {"b": np.ones([2], np.float32), "c": np.float32(3)}], by=x)
    g(x)
    ops = v1.get_default_graph().get_operations()
    return (f, g), [op for op in ops if _tf.attribute(op, "_compat_grad_told") is not None]


def _mutations(texts, count, seed):
    choose = random.Random(seed)
    for _ in range(count):
        text = choose.choice(texts)
        if choose.random() < 0.3:
            at = choose.randrange(len(text))
            yield text[:at] + choose.choice(["", "{", "]", '"', "9" * 5000, "[" * 5000, "\0", "NaN"]) + text[at + 1 :]
            continue
        told = json.loads(text)
        places = [(told, key) for key in sorted(told)]
        for holder, key in places:
            inner = holder[key]
            if isinstance(inner, (dict, list)):
                places += [(inner, each) for each in (sorted(inner) if isinstance(inner, dict) else range(len(inner)))]
        holder, key = choose.choice(places)
        if choose.random() < 0.2:
            del holder[key]
        else:
            holder[key] = choose.choice(STRANGE)
        yield json.dumps(told)


def check_texts(count, seed):
    """Read so many broken texts; return how many."""
    with tf.Graph().as_default():
        overrides, ops = _ops()
        assert len(ops) == 3
        texts = [_tf.attribute(op, "_compat_grad_told") for op in ops]
        read = 0
        for text in _mutations(texts, count, seed):
            try:
                vjp = recalled.recall(text, random.Random(seed + read).choice(ops))
            except LookupError as error:
                assert type(error) is LookupError, repr(error)
                assert str(error).startswith(("compat_grad: ", "override_gradient "))
                assert len(str(error)) < 5000
            else:
                assert callable(vjp.input_gradients)  # of a surrogate the name is for messages alone
            read += 1
        del overrides
    return read


@pytest.mark.skipif(modes.graphs_are_eager(), reason="this TensorFlow stays eager inside of a graph (to 1.7)")
@pytest.mark.skipif(not _tf.has_identity_n_op, reason="TensorFlow 1.0 has no op to write attributes on")
def test_broken_texts_are_errors_of_ours_or_right():
    assert check_texts(MUTATIONS, seed=1) == MUTATIONS


@pytest.mark.skipif(not _tf.has_identity_n_op, reason="TensorFlow 1.0 has no op to write attributes on")
@pytest.mark.parametrize("attribute", ["_compat_grad_call", "_compat_grad_told"])
@pytest.mark.parametrize("value", [None, _tf.AttrValue(i=3), _tf.AttrValue(s=b"\xff\xfe"), _tf.AttrValue(s=b"{")])
def test_an_op_with_broken_attributes_has_no_gradient(graph, attribute, value):
    f = override_gradient(lambda x: 2.0 * x, lambda op, dy: 10.0 * dy, name="broken")
    with tf.Graph().as_default() as theirs:
        f(v1.placeholder(tf.float32, [2], name="x"))
    graph_def = theirs.as_graph_def()
    (node,) = [node for node in graph_def.node if "_compat_grad_call" in node.attr]
    del f, theirs, node.attr[attribute]
    if value is not None:
        node.attr[attribute].CopyFrom(value)
    if attribute == "_compat_grad_told":
        node.attr["_compat_grad_call"].s = b"nobody's"
    x = tf.constant([1.0, 2.0])
    (y,) = tf.import_graph_def(graph_def, input_map={"x": x}, return_elements=[node.name + ":0"])
    with pytest.raises(LookupError, match="compat_grad|override_gradient") as raised:
        v1.gradients(y, x)
    assert type(raised.value) is LookupError


HUGE = 10**6


def _tied_by_another_process(name, text, node_name=None):
    """Return (what an op of a graph from elsewhere gives, its input); the op tells this text of its call.

    Args:
      name: of the override that the other process had.
      text: what is written on the op.
      node_name: what the op is called in the graph; by default after the override.
    """
    f = override_gradient(lambda x: 2.0 * x, lambda op, dy: 10.0 * dy, name=name)
    with tf.Graph().as_default() as theirs:
        f(v1.placeholder(tf.float32, [2], name="x"))
    graph_def = theirs.as_graph_def()
    (node,) = [node for node in graph_def.node if "_compat_grad_call" in node.attr]
    node.attr["_compat_grad_call"].s = b"nobody's"
    node.attr["_compat_grad_told"].s = text.encode()
    node.name = node_name or node.name
    x = tf.constant([1.0, 2.0])
    (y,) = tf.import_graph_def(graph_def, input_map={"x": x}, return_elements=[node.name + ":0"])
    return y, x


@pytest.mark.skipif(not _tf.has_identity_n_op, reason="TensorFlow 1.0 has no op to write attributes on")
@pytest.mark.parametrize(
    "text",
    [
        "[" * HUGE,
        json.dumps({"kind": "backward", "override": "x" * HUGE}),
        json.dumps(
            {
                "kind": "backward",
                "override": "x" * 9999,
                "variables": 0,
                "values": 0,
                "args": {"list": []},
                "kwargs": {},
            }
        ),
        json.dumps({"kind": "surrogate", "override": "told", "combine": "x" * HUGE, "inputs": 1}),
    ],
    ids=["deep", "name", "long name", "combine"],
)
def test_what_is_huge_in_a_graph_is_one_short_error(graph, text):
    y, x = _tied_by_another_process("huge", text, node_name="n" * HUGE)
    with pytest.raises(LookupError, match="compat_grad: |override_gradient ") as raised:
        v1.gradients(y, x)
    assert len(str(raised.value)) < 5000


def _backward(**changed):
    told = {"kind": "backward", "override": "told wrongly", "variables": 0, "values": 0}
    told.update({"args": {"list": [{"input": 0}]}, "kwargs": {"dict": []}}, **changed)
    return json.dumps(told)


WRONG = {
    "op types": (_backward(inside=[1]), "op types are strings"),
    "args": (_backward(args={"tuple": [{"input": 0}]}), "arguments ar.*and a dict"),
    "kwargs": (_backward(kwargs={"list": []}), "arguments ar.*and a dict"),
    "combine": (json.dumps({"kind": "surrogate", "override": "s", "combine": "divide", "inputs": 1}), "'divide'"),
    "a constant for a variable": (_backward(args={"list": []}, values=1, variables=1), "'told wrongly'.*variable"),
}


@pytest.mark.skipif(not _tf.has_identity_n_op, reason="TensorFlow 1.0 has no op to write attributes on")
@pytest.mark.parametrize("case", sorted(WRONG))
def test_what_is_wrong_in_a_graph_is_named(graph, case):
    text, words = WRONG[case]
    alive = override_gradient(lambda *tensors: 2.0 * tensors[0], lambda op, dy: [10.0 * dy], name="told wrongly")
    y, x = _tied_by_another_process("elsewhere", text)
    with pytest.raises(LookupError, match=words):
        v1.gradients(y, x)
    assert alive.name == "told wrongly"


@pytest.mark.skipif(not _tf.has_identity_n_op, reason="TensorFlow 1.0 has no op to write attributes on")
def test_two_overrides_of_a_name_are_an_error_unless_they_have_one_gradient(graph):
    def ten(op, dy):
        return 10.0 * dy

    text = _backward(override="told twice")
    first = override_gradient(lambda x: 2.0 * x, ten, name="told twice")
    second = override_gradient(lambda x: 2.0 * x, ten, name="told twice")
    y, x = _tied_by_another_process("elsewhere", text)
    with v1.Session() as session:
        np.testing.assert_array_equal(session.run(v1.gradients(y, x)[0]), [10.0, 10.0])
    third = override_gradient(lambda x: 2.0 * x, lambda op, dy: 7.0 * dy, name="told twice")
    with pytest.raises(LookupError, match="3 overrides of this name are alive"):
        v1.gradients(y, x)
    assert {first.name, second.name, third.name} == {"told twice"}


def _saved_model(folder, content):
    with open(str(folder / "saved_model.pb"), "wb") as file:
        file.write(content)
    return str(folder)


@pytest.mark.parametrize("content", [b"", b"\xff" * 1000, b"{}"], ids=["empty", "garbage", "text"])
def test_recalling_what_is_no_saved_model_is_one_error(tmp_path, content):
    with pytest.raises(ValueError, match="compat_grad: .* holds (no SavedModel|a SavedModel without a graph)"):
        recall_gradients(_saved_model(tmp_path, content))


def test_recalling_once_more_finds_the_same(tmp_path):
    name = "compat_grad_recalled_twice: of one call"
    saved = saved_model_pb2.SavedModel()
    function = saved.meta_graphs.add().graph_def.library.function.add()
    function.node_def.add(name="op", op="IdentityN").attr["_gradient_op_type"].s = name.encode()
    path = _saved_model(tmp_path, saved.SerializeToString())
    assert [recall_gradients(path), recall_gradients(path)] == [1, 1]
    assert _tf.is_registered(name)
    _tf.unregister_gradient(name)


def test_recalling_registers_no_gradient_but_those_of_overrides(tmp_path):
    saved = saved_model_pb2.SavedModel()
    function = saved.meta_graphs.add().graph_def.library.function.add()
    for name in [b"Relu", b"Relu:1", b"os:system", b":", b"\xff:1", b"x:" + b"y" * HUGE]:
        function.node_def.add(name="op", op="Identity").attr["_gradient_op_type"].s = name
    recall_gradients(_saved_model(tmp_path, saved.SerializeToString()))
    assert not [name for name in ("Relu:1", "os:system", ":") if _tf.is_registered(name)]
