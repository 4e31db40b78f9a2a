"""What goes into a block and what comes out of it, as the names that a function made of it takes and returns."""

import libcst as cst

from compat_grad.migrate.certainty import Uncertain
from compat_grad.migrate.reader import Reader
from compat_grad.migrate.scopes import Reads, bound_by, locals_of, parameters_of, reads_of, surely_bound


class Place:
    """Where a statement stands.

    Args:
      node: the statement, of the original program.
      around: the nodes around it, innermost first; the last one is the module.
    """

    def __init__(self, node, around):
        self.node = node
        self.around = around
        self.functions = [one for one in around if isinstance(one, cst.FunctionDef)]
        self.scope = self.functions[0] if self.functions else around[-1]
        self.class_name = next((one.name.value for one in around if isinstance(one, cst.ClassDef)), None)
        self.top = ([node] + around)[-2]  # the statement of the module that it is in
        self.is_in_loop = any(isinstance(one, (cst.For, cst.While)) for one in around)

    def parameters(self):
        """Return the names of what was handed to the functions around it."""
        return frozenset(name for one in self.functions for name in parameters_of(one))

    def local_names(self):
        """Return the names that are local to the functions around it; at the top of a module, its variables."""
        if self.functions:
            return {name for one in self.functions for name in locals_of(one)}
        return _variables_of(self.around[-1])

    def bound_before(self):
        """Return the names that are bound when it is reached, whichever way led there."""
        names = set(self.parameters())
        for inner, outer in zip([self.node, *self.around], self.around):
            if isinstance(outer, (cst.IndentedBlock, cst.Module)):
                names |= surely_bound(list(outer.body)[: list(outer.body).index(inner)])
            elif isinstance(outer, cst.For):
                names |= _bound_by_target(outer.target)
        return names

    def is_read_elsewhere(self, name):
        """Whether a name is read outside of the statement, in its scope."""
        return Reads.of(self.scope).get(name, 0) > Reads.of(self.node).get(name, 0)

    def bound_elsewhere(self):
        """Return the names that its scope binds outside of it."""
        targets = _Targets(self.node)
        targets.read(self.scope)
        return targets.names


def inputs_of(statements, place):
    """Return the local names that a block reads before it binds them, in the order of their first use.

    Args:
      statements: the block's, as they will be.
      place: of the block.

    Raises:
      Uncertain: it may read a name that is bound in some cases only.
    """
    local, before, inside = place.local_names(), place.bound_before(), bound_by(statements)
    _refuse_foreign(inside, place)
    inputs, bound = [], set()
    for statement in statements:
        for name in sorted(reads_of(statement), key=_order([statement])):
            if name in bound or name not in local or name in inputs:
                continue
            if name in inside and name not in before:
                if name in place.bound_elsewhere():
                    raise Uncertain("`{}` is bound before the block in some cases only".format(name))
                continue  # the block binds it before it reads it, or fails as it did
            inputs.append(name)
        bound |= surely_bound([statement])
    return inputs


def _bound_by_target(target):
    names = _Targets(None)
    names.read(cst.AssignTarget(target))
    return names.names


def _refuse_foreign(inside, place):
    foreign = sorted(inside - locals_of(place.functions[0])) if place.functions else ()
    if foreign:
        raise Uncertain("the block binds `{}`, which is global or of a function around".format(foreign[0]))


def outputs_of(statements, place, inputs):
    """Return the names that a block binds and that are read outside of it, in the order of their appearance.

    Args:
      inputs: list; gets those that come out as they went in where the block does not bind them.

    Raises:
      Uncertain: it binds one in some cases only.
    """
    inside = bound_by(statements)
    outputs = {name for name in inside if not place.functions or place.is_read_elsewhere(name)}
    if place.is_in_loop:
        outputs |= inside & set(inputs)  # the next turn reads it
    unsure = outputs - surely_bound(statements) - set(inputs)
    bound = sorted(unsure & place.bound_before())
    inputs.extend(bound)
    unsure -= set(bound)
    if unsure:
        raise Uncertain("the block binds `{}` in some cases only".format("`, `".join(sorted(unsure))))
    return sorted(outputs, key=_order(statements))


def _variables_of(module):
    """Return the names that a module binds, but for its functions, classes and imports."""
    statements = [one for one in module.body if not isinstance(one, (cst.FunctionDef, cst.ClassDef))]
    imported = [one for one in statements if isinstance(one, cst.SimpleStatementLine) and _imports(one)]
    return bound_by(statements) - bound_by(imported)


def _imports(line):
    return any(isinstance(small, (cst.Import, cst.ImportFrom)) for small in line.body)


class _Targets(Reader):
    """The names that assignments and loops bind, but for those in one statement."""

    def __init__(self, left_out):
        super().__init__()
        self._left_out = left_out
        self.names = set()

    def visit_With(self, node):
        return node is not self._left_out

    def visit_AssignTarget(self, node):
        self._target(node.target)

    def visit_For(self, node):
        self._target(node.target)

    def visit_AugAssign(self, node):
        self._target(node.target)

    def _target(self, node):
        if isinstance(node, cst.Name):
            self.names.add(node.value)
        elif isinstance(node, (cst.Tuple, cst.List)):
            for element in node.elements:
                self._target(element.value)


class _Mentioned(Reader):
    def __init__(self):
        super().__init__()
        self.first = {}

    def visit_Name(self, node):
        self.first.setdefault(node.value, len(self.first))


def _order(statements):
    """Return the key that sorts names by where statements mention them first."""
    mentioned = _Mentioned()
    for one in statements:
        mentioned.read(one)
    return lambda name: (mentioned.first.get(name, len(mentioned.first)), name)
