"""Which names a piece of code reads, which it binds, and which it binds whatever happens.

What is local, free or global is Python's own business: its `symtable` is asked. Knows nothing of gradients.
"""

import symtable

import libcst as cst

from compat_grad.migrate.reader import Reader


class Reads(Reader):
    """Counts how often each name is read in a piece of code; what only binds a name is no reading."""

    def __init__(self):
        super().__init__()
        self.counts = {}

    @classmethod
    def of(cls, node):
        """Return {name: how often it is read}."""
        reads = cls()
        reads.read(node)
        return reads.counts

    def visit_Name(self, node):
        self.counts[node.value] = self.counts.get(node.value, 0) + 1

    def visit_Attribute(self, node):
        self.read(node.value)
        return False

    def visit_Arg(self, node):
        self.read(node.value)
        return False

    def visit_Param(self, node):
        for part in (node.annotation, node.default):
            if part is not None:
                self.read(part)
        return False

    def visit_FunctionDef(self, node):
        for part in (*node.decorators, node.params, node.body):
            self.read(part)
        return False

    def visit_ClassDef(self, node):
        for part in (*node.decorators, *node.bases, *node.keywords, node.body):
            self.read(part)
        return False

    def visit_Import(self, node):
        return False

    def visit_ImportFrom(self, node):
        return False

    def visit_Global(self, node):
        return False

    def visit_Nonlocal(self, node):
        return False

    def visit_AssignTarget(self, node):
        return self._target(node.target)

    def visit_AsName(self, node):
        return self._target(node.name)

    def visit_For(self, node):
        self._target(node.target)
        for part in (node.iter, node.body, node.orelse):
            if part is not None:
                self.read(part)
        return False

    def _target(self, node):
        if isinstance(node, (cst.Tuple, cst.List)):
            for element in node.elements:
                self._target(element.value)
        elif not isinstance(node, cst.Name):
            self.read(node)
        return False


def reads_of(statement):
    """Return the names that a statement reads from outside of it, before or after it binds them.

    Raises:
      SyntaxError: the running Python cannot read it.
    """
    table = _table([statement])
    names = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    names.update(_from_within(table))
    names.update(_augmented(statement))
    return names


def _from_within(table):
    for child in table.get_children():
        for symbol in child.get_symbols():
            if symbol.is_referenced() and (symbol.is_global() or symbol.is_free()):
                yield symbol.get_name()
        yield from _from_within(child)


class _Augmented(Reader):
    def __init__(self):
        super().__init__()
        self.names = set()

    def visit_AugAssign(self, node):
        self.names.add(node.target.value)  # a name: no other target is in what only computes


def _augmented(node):
    visitor = _Augmented()
    visitor.read(node)
    return visitor.names


def bound_by(statements):
    """Return the names that statements may bind, each in the scope that they stand in."""
    return {symbol.get_name() for symbol in _table(statements).get_symbols() if symbol.is_assigned()} | {
        symbol.get_name() for symbol in _table(statements).get_symbols() if symbol.is_imported()
    }


def locals_of(function):
    """Return the names that are local to a function: its parameters, and all that it binds."""
    plain = function.with_changes(decorators=[], leading_lines=[], lines_after_decorators=[])
    table = symtable.symtable(cst.Module([plain]).code, "code", "exec").get_children()[0]
    return {symbol.get_name() for symbol in table.get_symbols() if symbol.is_local()}


def parameters_of(function):
    """Return the names of a function's parameters."""
    every = function.params
    found = [*every.posonly_params, *every.params, *every.kwonly_params, every.star_kwarg]
    if isinstance(every.star_arg, cst.Param):
        found.append(every.star_arg)
    return {one.name.value for one in found if one is not None}


def _table(statements):
    body = cst.IndentedBlock(body=list(statements) or [cst.SimpleStatementLine([cst.Pass()])])
    function = cst.FunctionDef(name=cst.Name("_"), params=cst.Parameters(), body=body).visit(_WithoutStars())
    return symtable.symtable(cst.Module([function]).code, "code", "exec").get_children()[0]


class _WithoutStars(cst.CSTTransformer):
    """Leaves out ``from x import *``, which functions refuse: what it binds nobody sees."""

    def leave_ImportFrom(self, original_node, updated_node):
        return cst.Pass() if isinstance(updated_node.names, cst.ImportStar) else updated_node


def surely_bound(statements):
    """Return the names that are bound once these statements have run, whichever way they went."""
    names = set()
    for statement in statements:
        names |= _surely_bound_by(statement)
    return names


def _surely_bound_by(statement):
    if isinstance(statement, (cst.FunctionDef, cst.ClassDef)):
        return {statement.name.value}
    if isinstance(statement, cst.SimpleStatementLine):
        sure = [small for small in statement.body if not (isinstance(small, cst.AnnAssign) and small.value is None)]
        return bound_by([statement.with_changes(body=sure)]) if sure else set()
    if isinstance(statement, cst.With):
        return surely_bound(statement.body.body) if isinstance(statement.body, cst.IndentedBlock) else set()
    if isinstance(statement, cst.If) and statement.orelse is not None:
        one = surely_bound(_body(statement))
        other = statement.orelse
        return one & (_surely_bound_by(other) if isinstance(other, cst.If) else surely_bound(_body(other)))
    return set()


def _body(node):
    return node.body.body if isinstance(node.body, cst.IndentedBlock) else []


def always_returns(statements):
    """Whether statements end, whichever way they go, with the return of a value."""
    if not statements:
        return False
    end = statements[-1]
    if isinstance(end, cst.SimpleStatementLine):
        return isinstance(end.body[-1], (cst.Return, cst.Raise))
    if isinstance(end, cst.If) and end.orelse is not None:
        other = end.orelse
        rest = always_returns([other]) if isinstance(other, cst.If) else always_returns(_body(other))
        return always_returns(_body(end)) and rest
    return False
