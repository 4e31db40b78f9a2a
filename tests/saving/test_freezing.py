"""Frozen, optimized and compiled graphs: the values of the model without overrides, and what is left of an override."""

import importlib
import os

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import _tf
from tests.modes import assert_same_bits, v1
from tests.saving.inference import EXPECTED, X, module_of, plain_values, values


def _imported(name, why_not):
    try:
        return importlib.import_module(name)
    except ImportError:
        pytest.skip(why_not)


def _frozen(f):
    """Return the ConcreteFunction of f, times a variable of the value 2, with a constant for the variable."""
    name = "tensorflow.python.framework.convert_to_constants"
    freezing = _imported(name, "this TensorFlow freezes no functions (1.14 brought it)")
    weight = tf.Variable(2.0)
    function = module_of(lambda x: f(x) * weight).f.get_concrete_function()
    return freezing.convert_variables_to_constants_v2(function)


def _optimized(graph_def, graph, y):
    """Return graph_def as Grappler's optimizers leave it for an inference of y."""
    optimizer = importlib.import_module("tensorflow.python.grappler.tf_optimizer")
    meta_graph = v1.train.export_meta_graph(graph_def=graph_def, graph=graph)
    meta_graph.collection_def["train_op"].node_list.value.append(y.split(":")[0])
    config = v1.ConfigProto()
    config.graph_options.rewrite_options.min_graph_nodes = -1  # however few
    return optimizer.OptimizeGraph(config, meta_graph)


def _run(graph_def, x, y):
    with tf.Graph().as_default(), v1.Session() as session:
        (found,) = v1.import_graph_def(graph_def, return_elements=[y], name="")
        return session.run(found, {x: X})


def _left(graph_def):
    """Return (the sorted types of the ops, {type: attributes that tell of an override})."""
    ours = {node.op: [key for key in node.attr if "grad" in key] for node in graph_def.node}
    return sorted(node.op for node in graph_def.node), {op: keys for op, keys in ours.items() if keys}


def test_freezing_a_function(functions):
    found = _frozen(values)(tf.constant(X))
    assert_same_bits(np.asarray(found[0] if isinstance(found, (list, tuple)) else found), 2 * EXPECTED)


def test_grappler_leaves_an_attribute_on_the_ops_of_an_op_level_override(functions):
    frozen, plain = _frozen(values), _frozen(plain_values)
    left = [_optimized(one.graph.as_graph_def(), one.graph, one.outputs[0].name) for one in (frozen, plain)]
    assert_same_bits(_run(left[0], frozen.inputs[0].name, frozen.outputs[0].name), 2 * EXPECTED)
    (types, attributes), (plain_types, none) = [_left(graph_def) for graph_def in left]
    assert types == plain_types and none == {}
    assert attributes == {"Relu": ["_gradient_op_type"]}


@pytest.mark.skipif(not _tf.has_identity_n_op, reason="TensorFlow 1.0 cannot import the call of a function")
def test_freezing_a_graph(graph):
    x = v1.placeholder(tf.float32, [1, 3], name="x")
    weight = v1.get_variable("weight", initializer=2.0)
    tf.identity(values(x) * weight, name="y")
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        frozen = v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), ["y"])
    assert_same_bits(_run(frozen, "x:0", "y:0"), 2 * EXPECTED)


@pytest.mark.slow
def test_compiled_ahead_of_time_it_is_the_object_code_of_the_model_without_overrides(functions, tmp_path, monkeypatch):
    """What `saved_model_cli aot_compile_cpu` does, in this process."""
    why_not = "this TensorFlow's wheel compiles nothing ahead of time (2.4's does)"
    _imported("tensorflow.python._pywrap_tfcompile", why_not)
    compiler = _imported("tensorflow.python.tools.saved_model_aot_compile", why_not)
    tools = importlib.import_module("tensorflow.python.tools.saved_model_utils")
    objects = []
    for name, f in (("ours", values), ("plain", plain_values)):
        folder, module = tmp_path / name, module_of(f)
        tf.saved_model.save(module, str(folder), signatures=module.f)
        monkeypatch.chdir(folder)  # the object code tells the path that it was asked for
        compiler.aot_compile_cpu_meta_graph_def(
            checkpoint_path=os.path.join("variables", "variables"),
            meta_graph_def=tools.get_meta_graph_def(".", "serve"),
            output_prefix="compiled",
            signature_def_key="serving_default",
            cpp_class="Model",
            target_triple="x86_64-pc-linux",
            target_cpu="x86-64",
            variables_to_feed=(),
        )
        objects.append((folder / "compiled.o").read_bytes())
    assert objects[0] == objects[1]
