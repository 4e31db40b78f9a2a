"""Turns Defun(python_grad_func=...) and Defun(grad_func=...) into overrides of the plain function."""

import collections

import libcst as cst

from compat_grad.migrate import overrides
from compat_grad.migrate.certainty import Uncertain
from compat_grad.migrate.names import last
from compat_grad.migrate.reader import Reader
from compat_grad.migrate.registrations import asks_op_for_inputs_and_outputs_only
from compat_grad.migrate.scopes import Reads, parameters_of
from compat_grad.migrate.tricks import code_of

Changed = collections.namedtuple("Changed", "node what reason loosened")
Changed.__doc__ = """What becomes of a Defun.

node: as it will be; what: a sentence on it, "" where it is said elsewhere; reason: what a person must decide, where
node is as it was, else None; loosened: names that what was removed had read.
"""


class Defuns:
    """The Defuns of one module."""

    def __init__(self, module, names, registrations, certainty):
        self._names = names
        self._registrations = registrations
        self._certainty = certainty
        self._reads = Reads.of(module)
        attributes = _AttributesOfNames()
        attributes.read(module)
        self._with_attributes = attributes.names
        given = _Given(self._options)
        given.read(module)
        # A Defun that is the gradient of another, and nothing else, is a plain function from then on.
        self._only_gradients = {name for name in given.grad_funcs if self._reads.get(name, 0) == 1}

    def _options(self, node):
        """Return {keyword: value} of a call of Defun, None of anything else."""
        if isinstance(node, cst.Call) and last(self._names.of(node.func)) == "Defun":
            return {one.keyword.value: one.value for one in node.args if one.keyword is not None}
        return None

    def rewritten(self, original, updated):
        """Return what becomes of a function, a `Changed`; None where it is no Defun with a gradient."""
        all_options = [self._options(one.decorator) for one in original.decorators]
        options = next((one for one in all_options if one is not None), None)
        if options is None:
            return None
        loosened = _names_in(original.decorators)
        if original.name.value in self._only_gradients and len(original.decorators) == 1 and not _gradient_in(options):
            if not self._only_computes(original):
                return None
            return Changed(_without_decorator(updated), "", None, loosened)
        if not _gradient_in(options):
            return None
        try:
            if len(original.decorators) > 1:
                raise Uncertain("it has other decorators, too")
            backward = self._backward(options, original)
        except Uncertain as reason:
            return Changed(updated, "", "Defun of {}: {}".format(original.name.value, reason), set())
        decorator = overrides.decorator_of_function(backward)
        old = updated.decorators[0]
        decorator = old.with_changes(decorator=decorator.decorator)
        what = "The Defun is now an override with the gradient {}.".format(code_of(backward))
        return Changed(updated.with_changes(decorators=[decorator]), what, None, loosened)

    def rewritten_call(self, original, updated):
        """Return what becomes of ``Defun(...)(function)``; None where a call is none, or has no gradient."""
        options = self._options(original.func)
        if options is None or not _gradient_in(options) or len(original.args) != 1:
            return None
        function = original.args[0].value
        try:
            definition = self._registrations.definition_of(code_of(function))
            if definition is None:
                raise Uncertain("`{}` is not defined in this file".format(code_of(function)))
            backward = self._backward(options, definition)
        except Uncertain as reason:
            return Changed(updated, "", "Defun of {}: {}".format(code_of(function), reason), set())
        new = overrides.call(cst.Name(overrides.NAME), [function, backward])
        what = "The Defun is now an override with the gradient {}.".format(code_of(backward))
        return Changed(new, what, None, _names_in([original.func]))

    def _backward(self, options, definition):
        if not self._only_computes(definition):
            raise Uncertain("does the function only compute (makes no variables, keeps nothing, returns a tensor)")
        if definition.name.value in self._with_attributes:
            raise Uncertain("attributes of it are used, which a plain function has not")
        if "python_grad_func" in options:
            gradient = options["python_grad_func"]
            known = self._registrations.definition_of(code_of(gradient))
            if known is not None and not _asks_little(known):
                raise Uncertain("its gradient function asks more of op than inputs and outputs")
            return gradient
        name = code_of(options["grad_func"])
        if name not in self._only_gradients:
            raise Uncertain("its gradient is `{}`, which is used elsewhere, too".format(name))
        known = self._registrations.definition_of(name)
        if known is None or len(known.decorators) != 1 or not self._only_computes(known):
            raise Uncertain("its gradient is `{}`: does that only compute".format(name))
        return cst.parse_expression("lambda op, *grads: {}(*op.inputs, *grads)".format(name))

    def _only_computes(self, definition):
        try:
            self._certainty.check(definition.body.body, None, parameters_of(definition), True)
        except Uncertain:
            return False
        return not _returns_a_list(definition)


def _gradient_in(options):
    return options.keys() & {"python_grad_func", "grad_func"}


def _asks_little(function):
    """Whether a gradient function asks its op for inputs and outputs, unpacked or one by one."""
    if asks_op_for_inputs_and_outputs_only(function):
        return True
    params = function.params.params
    if not params:
        return False
    op = params[0].name.value
    uses = _AttributesOfNames()
    uses.read(function.body)
    return uses.attributes.get(op, set()) <= {"inputs", "outputs"} and Reads.of(function.body).get(op, 0) == uses.n.get(
        op, 0
    )


def _returns_a_list(function):
    """Whether it returns a list written out: of one tensor, Defun makes the tensor."""
    lists = _Lists()
    lists.read(function.body)
    return lists.found


def _without_decorator(function):
    lines = [*function.decorators[0].leading_lines, *function.lines_after_decorators]
    comments = [*overrides.comments_of(lines), *overrides.comment_of(function.decorators[0].trailing_whitespace)]
    leading = [*function.leading_lines, *comments]
    return function.with_changes(decorators=[], lines_after_decorators=[], leading_lines=leading)


def _names_in(nodes):
    names = set()
    for one in nodes:
        names |= set(Reads.of(one))
    return names


class _Lists(Reader):
    def __init__(self):
        super().__init__()
        self.found = False

    def visit_Return(self, node):
        self.found |= isinstance(node.value, cst.List)

    def visit_FunctionDef(self, node):
        return False


class _AttributesOfNames(Reader):
    """The names of which attributes are read, and which, and how often."""

    def __init__(self):
        super().__init__()
        self.attributes, self.n = {}, {}

    @property
    def names(self):
        return set(self.attributes)

    def visit_Attribute(self, node):
        if isinstance(node.value, cst.Name):
            name = node.value.value
            self.attributes.setdefault(name, set()).add(node.attr.value)
            self.n[name] = self.n.get(name, 0) + 1


class _Given(Reader):
    """The names that Defuns have as grad_func."""

    def __init__(self, options_of):
        super().__init__()
        self._options_of = options_of
        self.grad_funcs = set()

    def visit_Call(self, node):
        gradient = (self._options_of(node) or {}).get("grad_func")
        if gradient is not None:
            self.grad_funcs.add(code_of(gradient))
