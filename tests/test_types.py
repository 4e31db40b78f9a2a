"""What type checkers are told (``__init__.pyi``) is what the code has; `Op` and `OverrideGradient` are real classes.

What they make of it is for the lint environment, which has mypy and pyright read typed_use.py.
"""

import ast
import importlib
import inspect
import os

import numpy as np
import pytest
import tensorflow as tf

import compat_grad
from compat_grad import Op, override_gradient
from tests.keras.models import KERASES, X, double, gradients, ten_times_x
from tests.modes import assert_same_bits


def stub(module):
    path = os.path.join(os.path.dirname(module.__file__), "__init__.pyi")
    with open(path) as source:
        return ast.parse(source.read())


def parameters(function):
    """Return the names of the parameters in a def of a stub, without self."""
    arguments = function.args
    names = [argument.arg for argument in arguments.args + arguments.kwonlyargs]
    return [name for name in names if name != "self"]


def defs(tree, name):
    return [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]


def class_in(tree, name):
    (found,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
    return found


def modules():
    names = ["compat_grad"] + (["compat_grad.keras"] if KERASES else [])
    return [importlib.import_module(name) for name in names]


def test_the_stubs_name_what_is_public():
    for module in modules():
        (names,) = [
            ast.literal_eval(node.value)
            for node in stub(module).body
            if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
        ]
        assert names == module.__all__ and set(names) <= set(dir(module))


def test_every_overload_takes_the_parameters_that_there_are():
    taken = list(inspect.signature(override_gradient).parameters)
    overloads = defs(stub(compat_grad), "override_gradient")
    assert len(overloads) == 6
    for overload in overloads:
        assert set(taken) <= set(parameters(overload))


def test_an_override_has_what_its_stub_says():
    f = override_gradient(tf.identity, surrogate=tf.negative)
    said = [node.name for node in class_in(stub(compat_grad), "Override").body if isinstance(node, ast.FunctionDef)]
    assert "surrogate" in said and "__get__" in said
    for name in said:
        assert hasattr(f, name), name


@pytest.mark.parametrize("level", ["a whole function", "ops"])
def test_a_backward_is_handed_an_op(mode, level):
    handed = []

    def backward(op: Op, dy):
        handed.append(isinstance(op, Op))
        return dy * 7.0

    forward = override_gradient(tf.nn.relu, backward if level == "a whole function" else {"Relu": backward})

    def program(differentiate, x):
        return differentiate(forward, [x])[1]

    if level == "ops" and mode.name != "graph" and not hasattr(tf, "function"):
        pytest.skip("before 1.14 an op-level override cannot be called inside another traced function")
    assert_same_bits(mode.run(program, X), [np.full_like(X, 7)])
    assert handed and all(handed)


@pytest.mark.skipif(not KERASES, reason="no Keras here that overrides are lifted in")
def test_the_layer_is_a_class_to_ask_for_and_to_derive_from(keras):
    layer_class = importlib.import_module("compat_grad.keras").layer_class
    base = layer_class(keras)

    class Doubled(base):
        def __init__(self, forward=double, backward=ten_times_x, **options):
            super().__init__(forward, None if "arguments" in options else backward, **options)

        def say(self):
            return "doubled"

    assert inspect.isclass(base) and issubclass(base, keras.layers.Layer)
    x = keras.Input([3])
    model = keras.Model(x, Doubled(name="mine")(x))
    for found in (model, keras.models.clone_model(model)):
        layer = found.layers[-1]
        assert type(layer) is Doubled and isinstance(layer, base) and layer.say() == "doubled"
        assert_same_bits(gradients(keras, found, X), [2 * X, 10 * X])
