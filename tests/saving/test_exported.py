"""A MetaGraph that TensorFlow 1.15 exported, imported by the TensorFlow at hand."""

import numpy as np
import pytest
from google.protobuf import text_format

from compat_grad import _tf
from tests.modes import v1
from tests.saving import exported


@pytest.mark.skipif(not _tf.has_identity_n_op, reason="TensorFlow to 1.3 has no IdentityN that a graph could hold")
def test_of_1_15_the_gradients_are_those_of_overrides_defined_again_and_else_an_error(graph):
    with open(exported.PATH) as file:
        meta_graph = v1.MetaGraphDef()
        text_format.Parse(file.read(), meta_graph)
    v1.train.import_meta_graph(meta_graph)
    x, y = graph.get_tensor_by_name("x:0"), graph.get_tensor_by_name("y:0")
    with pytest.raises(LookupError, match="exported_"):
        v1.gradients(y, x)
    kept = exported.define()
    (first,) = v1.gradients(y, x)
    (second,) = v1.gradients(first, x)
    with v1.Session() as session:
        found = session.run([y, first, second], {x: exported.X})
    np.testing.assert_array_equal(found, [exported.VALUE, exported.FIRST, exported.SECOND])
    assert kept
