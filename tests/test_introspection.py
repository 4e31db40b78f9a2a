"""An override says what it is: whose gradient is replaced, and by which."""

import copy
import functools
import os
import pydoc
import subprocess
import sys

import pytest
import tensorflow as tf

from compat_grad import Override, override_gradient
from tests.processes import where_compat_grad_is


def forward(x):
    """Return x.

    As it is.
    """
    return x


def backward(op, dy):
    return -dy


def surrogate(x):
    return x * 2.0


DEFINITIONS = {
    "a backward": (dict(backward=backward), "gradient by backward"),
    "a partial": (dict(backward=functools.partial(backward)), "gradient by backward"),
    "a lambda": (dict(backward=lambda op, dy: dy), "gradient by <lambda>"),
    "a registered gradient": (dict(backward="Identity"), "gradient registered as 'Identity'"),
    "a surrogate": (dict(surrogate=surrogate), "gradient of surrogate surrogate"),
    "a relative surrogate": (
        dict(surrogate=surrogate, combine="multiply"),
        "relative gradient of surrogate surrogate",
    ),
    "op types": (dict(backward={"Relu": backward}), "gradient of Relu by backward"),
    "op types and names": (
        dict(backward={"Sign": "Identity"}),
        "gradient of Sign registered as 'Identity'",
    ),
}


@pytest.mark.parametrize("case", DEFINITIONS)
def test_repr_and_help_say_which_gradient(case):
    given, words = DEFINITIONS[case]
    f = override_gradient(forward, name="my_name", **given)
    assert repr(f) == "<override 'my_name': {}>".format(words)
    shown = pydoc.plain(pydoc.render_doc(f))
    assert "(x)\n    Return x.\n" in shown and "\n    As it is.\n" in shown
    assert "gradient is replaced (compat_grad.override_gradient): {}.\n".format(words) in shown


def test_help_of_a_function_without_a_docstring_and_of_a_method():
    class Model:
        @override_gradient(backward=backward)
        def method(self, x):
            return x

    words = "Its own gradient is replaced (compat_grad.override_gradient): gradient by backward."
    assert override_gradient(lambda x: x, backward).__doc__ == words
    assert words in pydoc.plain(pydoc.render_doc(Model)) and words in pydoc.plain(pydoc.render_doc(Model().method))


@pytest.mark.parametrize("case", DEFINITIONS)
def test_what_it_was_made_of_can_be_read_and_not_changed(case):
    given, _ = DEFINITIONS[case]
    made = override_gradient(forward, strategy="gradient_override_map", **given)
    for f in (made, copy.deepcopy(made)):
        assert f.forward is forward and f.name == f.__name__ == "forward"
        expected = dict(dict(backward=None, surrogate=None, combine="add"), **given)
        for part in ("surrogate", "combine"):
            assert getattr(f, part) == expected[part]
        assert type(f.backward) is type(expected["backward"])
        assert f.strategy == "gradient_override_map"
        for part in ("forward", "backward", "surrogate", "combine", "strategy", "name"):
            with pytest.raises(AttributeError):
                setattr(f, part, None)
    assert override_gradient(forward, backward).strategy == "auto"


def test_the_class_can_be_asked_for_and_annotated_with():
    f = override_gradient(tf.identity, backward)
    assert isinstance(f, Override) and type(f) is Override
    if sys.version_info >= (3, 7):  # 3.6 has no __class_getitem__
        assert Override[[float], float] is Override


def test_the_tools_for_tests_are_there_without_being_imported():
    code = "import compat_grad; print(compat_grad.testing.modes.__module__)"
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(where_compat_grad_is()))
    said = subprocess.check_output([sys.executable, "-c", code], env=environment, universal_newlines=True)
    assert said.split()[-1].startswith("compat_grad.testing.")
