"""Reads a tree of LibCST without copying it: LibCST's own visitors make a new tree each time, ten times as slow.

Knows nothing of what is read.
"""

import dataclasses
import functools

import libcst as cst

_LAYOUT = (cst.BaseParenthesizableWhitespace, cst.TrailingWhitespace, cst.EmptyLine, cst.Newline, cst.Comment)


class Reader:
    """As `libcst.CSTVisitor`, without metadata: calls ``visit_Name(node)``, which may return False, ``leave_Name``."""

    def read(self, node):
        """Read a node and all that is in it; whitespace and comments apart."""
        kind = type(node).__name__
        visit = getattr(self, "visit_" + kind, None)
        if visit is None or visit(node) is not False:
            for name in _fields_of(type(node)):
                self._read_value(getattr(node, name))
        leave = getattr(self, "leave_" + kind, None)
        if leave is not None:
            leave(node)

    def _read_value(self, value):
        if isinstance(value, cst.CSTNode):
            if not isinstance(value, _LAYOUT):
                self.read(value)
        elif isinstance(value, (list, tuple)):
            for one in value:
                self._read_value(one)


@functools.lru_cache(maxsize=None)
def _fields_of(kind):
    return tuple(field.name for field in dataclasses.fields(kind) if "whitespace" not in field.name)
