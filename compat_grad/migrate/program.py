"""What the rest of a module tells of a place in it: what names were given, which functions are registered as what."""

import collections

import libcst as cst

from compat_grad.migrate.kinds import RAISES, SILENT, Break
from compat_grad.migrate.names import dotted, last
from compat_grad.migrate.reader import Reader
from compat_grad.migrate.tricks import code_of


class Program(Reader):
    """What the rest of a module tells of a place in it."""

    def __init__(self, names):
        super().__init__()
        self._names = names
        self._values = {}  # name -> the dict or text assigned to it; None where there are several
        self.assigned = collections.defaultdict(list)  # code of a target -> all that is assigned to it
        self._functions = set()
        self._keyword_calls = collections.defaultdict(list)  # name of a function -> keywords that calls pass
        self.registered = {}  # registered name -> the function that is registered
        self._forward_mode = self._keras_inputs = False

    def visit_Import(self, node):
        self._names.add_import(node)

    def visit_ImportFrom(self, node):
        self._names.add_import_from(node)

    def defines(self, name):
        return name in self._functions

    def visit_Assign(self, node):
        for target in node.targets:
            self._names.add_assignment(target.target, node.value)
            self.assigned[code_of(target.target)].append(node.value)
            if isinstance(target.target, cst.Name):
                name = target.target.value
                self._values[name] = None if name in self._values else node.value

    def visit_FunctionDef(self, node):
        self._functions.add(node.name.value)
        for decorator in node.decorators:
            call = decorator.decorator
            if isinstance(call, cst.Call) and last(dotted(call.func)) == "RegisterGradient" and call.args:
                name = self.text_of(call.args[0].value)
                if name is not None:
                    self.registered[name] = node.name.value

    def visit_Call(self, node):
        name = self._names.of(node.func)
        keywords = [arg.keyword.value for arg in node.args if arg.keyword is not None]
        if keywords:
            self._keyword_calls[last(name)].extend(keywords)
        if isinstance(node.func, cst.Call) and last(dotted(node.func.func)) == "RegisterGradient" and node.func.args:
            registered = self.text_of(node.func.args[0].value)  # tf.RegisterGradient("Name")(function)
            if registered is not None and node.args and isinstance(node.args[0].value, (cst.Name, cst.Attribute)):
                self.registered[registered] = code_of(node.args[0].value)
        self._forward_mode |= last(name) == "ForwardAccumulator"
        self._keras_inputs |= last(name) == "Input" and "keras" in name

    def text_of(self, node):
        """Return the text that an expression is, None where it is made at run time."""
        if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)):
            value = node.evaluated_value
            return value if isinstance(value, str) else None
        if isinstance(node, cst.Name) and self._values.get(node.value) is not None:
            return self.text_of(self._values[node.value])
        return None

    def mapping_of(self, node):
        """Return [(op type, registered name)] of an expression, None in a pair for what is made at run time."""
        pairs = self.pairs_of(node)
        return None if pairs is None else [(self.text_of(key), self.text_of(value)) for key, value in pairs]

    def pairs_of(self, node):
        """Return [(key, value)] of an expression that is a dict, both as code; None where it is made elsewhere."""
        if isinstance(node, cst.Name):
            node = self._values.get(node.value)
        if isinstance(node, cst.Dict) and all(isinstance(one, cst.DictElement) for one in node.elements):
            return [(one.key, one.value) for one in node.elements]
        if isinstance(node, cst.Call) and dotted(node.func) == "dict" and all(arg.keyword for arg in node.args):
            return [(cst.SimpleString('"{}"'.format(arg.keyword.value)), arg.value) for arg in node.args]
        return None

    def traps_of_custom_gradient(self, function):
        """Yield the traps of tf.custom_gradient that this program runs into."""
        if function is not None:
            keywords = sorted(set(self._keyword_calls.get(function.name.value, ())))
            if keywords:
                yield Break(
                    "graphs and tf.function, 1.7 to 2.22",
                    RAISES,
                    "ValueError: keyword arguments ({}) are taken in eager mode only.".format(", ".join(keywords)),
                )
        if self._keras_inputs:
            yield Break(
                "called on a keras.Input, TensorFlow 2.0 to 2.3",
                SILENT,
                "Keras records the ops one by one: the native gradient comes out. From 2.4 on it raises.",
            )
        if self._forward_mode:
            yield Break(
                "tf.autodiff.ForwardAccumulator, 2.1 to 2.22",
                SILENT,
                "Forward mode gives the tangent of the function without its override.",
            )
