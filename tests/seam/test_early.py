"""The pass-through op of TensorFlow before 1.4, and the nest of those before 1.3."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import _tf, override_gradient
from compat_grad._tf.early import NestWithDicts
from tests import modes

X = np.array([[0.5, -1.25, 3.0]], np.float32)

before_identity_n = pytest.mark.skipif(_tf.has_identity_n_op, reason="this TensorFlow has IdentityN itself")


@before_identity_n
def test_outputs_keep_their_static_shape_and_one_function_serves_all_calls(graph):
    f = override_gradient(lambda x, y: (2.0 * x, tf.reduce_sum(y)), lambda op, dx, dy: (dx, dy * op.inputs[1]))
    x = modes.v1.placeholder(tf.float32, [None, 3])
    for _ in range(2):
        a, b = f(x, tf.constant(X))
        assert (a.get_shape().as_list(), b.get_shape().as_list()) == ([None, 3], [])
    assert len(graph._functions) == 1


@before_identity_n
def test_an_imported_graph_refuses_gradients_and_never_gives_the_native_ones(graph):
    y = override_gradient(lambda x: 2.0 * x, lambda op, dy: dy * 10.0)(tf.constant(X, name="x"))
    exported = graph.as_graph_def()
    with tf.Graph().as_default(), modes.v1.Session() as session:
        try:
            x, z = tf.import_graph_def(exported, return_elements=["x:0", y.name], name="")
        except ValueError as error:  # 1.0
            assert "No op named" in str(error)
            return
        assert session.run(z).tolist() == (2 * X).tolist()
        with pytest.raises(tf.errors.NotFoundError, match="PreventGradient"):
            session.run(tf.gradients(z, x))


Pair = collections.namedtuple("Pair", "first second")


@pytest.mark.parametrize(
    "structure",
    [1, None, "text", [], (), {}, [1, (2, [3])], {"b": 1, "a": [2, {"c": 3}]}, Pair(1, {"z": (2,), "y": None})],
    ids=repr,
)
def test_nest_with_dicts_is_tensorflows_own(structure):
    mapped = NestWithDicts.map_structure(lambda leaf: [leaf], structure)
    assert NestWithDicts.pack_sequence_as(structure, NestWithDicts.flatten(structure)) == structure
    if _tf.nest is NestWithDicts:
        return
    assert NestWithDicts.flatten(structure) == _tf.nest.flatten(structure)
    assert mapped == _tf.nest.map_structure(lambda leaf: [leaf], structure)
