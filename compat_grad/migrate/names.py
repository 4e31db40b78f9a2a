"""What a name in a program means: the dotted name of the thing, under whichever alias it was imported or assigned.

One set of aliases for a whole module: LibCST's scopes know more, and take several times as long as all else. Knows
nothing of gradients.
"""

import libcst as cst

_MOST_STEPS = 4  # x = tf; y = x; ...: nobody goes further, and a = b; b = a would not end


class Names:
    """The aliases of one module, as its imports and assignments are added."""

    def __init__(self):
        self._meant = {}  # alias -> dotted name

    def add_import(self, node):
        for one in node.names:
            if one.asname is not None:
                self._meant[dotted(one.asname.name)] = dotted(one.name)
            # `import a.b` binds a, which means itself

    def add_import_from(self, node):
        if node.module is None or node.relative or isinstance(node.names, cst.ImportStar):
            return
        for one in node.names:
            alias = one.name if one.asname is None else one.asname.name
            self._meant[dotted(alias)] = "{}.{}".format(dotted(node.module), dotted(one.name))

    def add_assignment(self, target, value):
        if isinstance(target, cst.Name) and isinstance(value, (cst.Name, cst.Attribute)):
            self._meant.setdefault(target.value, dotted(value))

    def of(self, node):
        """Return what a name or attribute means ("tensorflow.stop_gradient"); as it is written where that is all."""
        name = dotted(node)
        for _ in range(_MOST_STEPS):
            root, dot, rest = name.partition(".")
            if root not in self._meant:
                break
            name = self._meant[root] + dot + rest
        return name


def dotted(node):
    """Return "a.b.c" of a name or attribute as it is written; of a call in it the called ("a().b" gives "a().b")."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        return "{}.{}".format(dotted(node.value), node.attr.value)
    if isinstance(node, cst.Call):
        return dotted(node.func) + "()"
    return ""


def last(name):
    """Return the last part of a dotted name."""
    return name.rpartition(".")[2]
