"""Which gradient function stands behind a registered name, seen from a place of the program.

Where it is certain, the function replaces the name; else the name stays, and its registration with it.
"""

import collections
import re

import libcst as cst

from compat_grad.migrate.names import dotted, last
from compat_grad.migrate.reader import Reader
from compat_grad.migrate.scopes import parameters_of
from compat_grad.migrate.tricks import code_of

Registration = collections.namedtuple("Registration", "code text function definition scope in_class position")
Registration.__doc__ = """One tf.RegisterGradient.

code, text: the name as it is written, and what it is (None: made at run time); function: the expression that is
registered; definition: its FunctionDef or Lambda, None where it is not seen; scope: the functions around it, outermost
first; in_class: whether it stands in a class body; position: how many registrations came before.
"""

Gradient = collections.namedtuple("Gradient", "node registration is_plain is_global")
Gradient.__doc__ = """What an op type is mapped to in the rewritten program.

node: an expression; registration: what it makes superfluous, or None; is_plain: whether the function asks nothing of
op but single inputs and outputs; is_global: whether node means the same at the top of the module.
"""


class Registrations(Reader):
    """All registrations of a module."""

    def __init__(self, program):
        super().__init__()
        self._program = program
        self._scope, self._classes = [], []
        self.all = []
        self._definitions = collections.defaultdict(list)  # (scope, name) -> FunctionDefs

    def visit_ClassDef(self, node):
        self._classes.append(len(self._scope))

    def leave_ClassDef(self, original_node):
        self._classes.pop()

    def visit_FunctionDef(self, node):
        self._definitions[tuple(self._scope), node.name.value].append(node)
        for decorator in node.decorators:
            call = decorator.decorator
            if is_registration(call):
                self._add(call.args[0].value, node.name, node)
        self._scope.append(node)

    def leave_FunctionDef(self, original_node):
        self._scope.pop()

    def visit_Call(self, node):
        if is_registration(node.func) and len(node.args) == 1:
            function = node.args[0].value
            self._add(node.func.args[0].value, function, function if isinstance(function, cst.Lambda) else None)

    def _add(self, name, function, definition):
        in_class = bool(self._classes) and self._classes[-1] == len(self._scope)
        text = None if _is_parameter(name, self._scope) else self._program.text_of(name)
        self.all.append(
            Registration(code_of(name), text, function, definition, tuple(self._scope), in_class, len(self.all))
        )

    # --- seen from a place ------------------------------------------------------------------------------------

    def gradient(self, value, scope):
        """Return the `Gradient` that a map's value is within the functions of scope, outermost first."""
        text = None if _is_parameter(value, scope) else self._program.text_of(value)
        if text is not None:
            known = [one for one in self.all if one.text == text]
            return self._by_text(known, value, scope)
        written = {code_of(value)} | self._assigned(value)
        known = [one for one in self.all if one.code in written and one.scope and one.scope == scope[: len(one.scope)]]
        if len(known) == 1 and self._stands_for_itself(known[0], scope):
            return self._function(known[0])
        return Gradient(value, None, False, False)

    def _by_text(self, known, value, scope):
        if len(known) == 1:
            (one,) = known
            if not one.in_class and one.scope == scope[: len(one.scope)] and self._stands_for_itself(one, scope):
                return self._function(one)
        text = self._program.text_of(value)
        return Gradient(value, None, text == "Identity", not isinstance(value, cst.Name))

    def _stands_for_itself(self, registration, scope):
        """Whether the function's name means it wherever the registered name does."""
        if isinstance(registration.function, cst.Lambda):
            return registration.scope == scope
        if not isinstance(registration.function, cst.Name):
            return False
        name = registration.function.value
        if any(name in parameters_of(one) for one in scope[len(registration.scope) :]):
            return False
        definitions = self._definitions[registration.scope, name]
        if definitions:
            return len(definitions) == 1
        is_parameter = any(name in parameters_of(one) for one in registration.scope)
        return is_parameter or self.definition_of(name) is not None

    def _function(self, registration):
        definition = registration.definition
        if definition is None:
            known = self._definitions[(), registration.function.value]
            definition = known[0] if len(known) == 1 else None
        return Gradient(
            registration.function.deep_clone(),
            registration,
            definition is not None and asks_op_for_inputs_and_outputs_only(definition),
            not registration.scope,
        )

    def _assigned(self, value):
        """Return the code that a name was given, where that happened once."""
        if not isinstance(value, cst.Name):
            return set()
        values = self._program.assigned[value.value]
        return {code_of(values[0])} if len(values) == 1 else set()

    def definition_of(self, name):
        """Return the one function of that name at the top of the module, or None."""
        known = self._definitions[(), name]
        return known[0] if len(known) == 1 else None


def is_registration(node):
    """Whether an expression is tf.RegisterGradient(name), under whichever import."""
    return isinstance(node, cst.Call) and last(dotted(node.func)) == "RegisterGradient" and len(node.args) == 1


def _is_parameter(node, scope):
    return isinstance(node, cst.Name) and any(node.value in parameters_of(one) for one in scope)


def asks_op_for_inputs_and_outputs_only(function):
    """Whether a gradient function uses its op for ``op.inputs[1]`` and ``op.outputs[0]``, and nothing else."""
    params = [*function.params.posonly_params, *function.params.params]
    if not params:
        return False
    op = re.escape(params[0].name.value)
    code = code_of(function.body)
    uses = len(re.findall(r"(?<![.\w]){}\b".format(op), code))
    return uses == len(re.findall(r"(?<![.\w]){}\.(?:inputs|outputs)\[\d+\]".format(op), code))
