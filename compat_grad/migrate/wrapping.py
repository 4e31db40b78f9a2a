"""Puts @honor_override_maps on a function whose maps stay: they then hold in every mode."""

import libcst as cst

from compat_grad.migrate.names import dotted, last
from compat_grad.migrate.reader import Reader

HONOR = "honor_override_maps"

#: Decorators that make something other than a function: they stay above.
_ABOVE = frozenset(("staticmethod", "classmethod", "property", "setter", "getter", "abstractmethod", "cached_property"))
_MAKES_CONTEXTS = frozenset(("contextmanager", "asynccontextmanager"))


def is_wrapped(function):
    """Whether a function is wrapped already."""
    return HONOR in _decorators(function)


def can_be_wrapped(function):
    """Whether the maps in a function are gone again when it returns: not so in a generator."""
    yields = _Yields()
    yields.read(function.body)
    return not (yields.found or function.asynchronous or _MAKES_CONTEXTS & set(_decorators(function)))


def contexts_with_maps(module):
    """Return the names of the functions in which a map stays entered after they have yielded."""
    contexts = _Contexts()
    contexts.read(module)
    return frozenset(contexts.names)


class _Contexts(Reader):
    def __init__(self):
        super().__init__()
        self._functions = []
        self.names = set()

    def visit_FunctionDef(self, node):
        self._functions.append(node)

    def leave_FunctionDef(self, original_node):
        self._functions.pop()

    def visit_Call(self, node):
        enters = last(dotted(node.func)) == "gradient_override_map"
        if enters and self._functions and not can_be_wrapped(self._functions[-1]):
            self.names.add(self._functions[-1].name.value)


def _decorators(function):
    for one in function.decorators:
        node = one.decorator.func if isinstance(one.decorator, cst.Call) else one.decorator
        yield last(dotted(node))


def with_wrapper(function):
    """Return a function with the decorator."""
    decorators = list(function.decorators)
    above = [number for number, name in enumerate(_decorators(function), 1) if name in _ABOVE]
    decorators.insert(max(above, default=0), cst.Decorator(cst.Name(HONOR)))
    return function.with_changes(decorators=decorators)


class _Yields(Reader):
    def __init__(self):
        super().__init__()
        self.found = False

    def visit_Yield(self, node):
        self.found = True

    def visit_FunctionDef(self, node):
        return False

    def visit_Lambda(self, node):
        return False
