"""Adds the import of what a rewritten module needs, below the imports that it begins with."""

import libcst as cst

from compat_grad.migrate.tricks import code_of

_PACKAGE = "compat_grad"


def with_imports(module, needed):
    """Return a module that imports these names from compat_grad."""
    missing = sorted(set(needed) - _imported(module))
    if not missing:
        return module
    names = [cst.ImportAlias(cst.Name(one)) for one in missing]
    line = cst.SimpleStatementLine([cst.ImportFrom(cst.Name(_PACKAGE), names)])
    body = list(module.body)
    place = _below_imports(body)
    if place and not _is_import(body[place - 1]):  # the docstring is above, and nothing else
        line = line.with_changes(leading_lines=[cst.EmptyLine(indent=False)])
    if place == 0 and body:
        first = body[0]
        body[0] = first.with_changes(leading_lines=[cst.EmptyLine(indent=False), *first.leading_lines])
    body.insert(place, line)
    return module.with_changes(body=body)


def _imported(module):
    """Return the names that a module imports from compat_grad at its top."""
    return {
        code_of(one.name)
        for line in module.body
        if isinstance(line, cst.SimpleStatementLine)
        for small in line.body
        if isinstance(small, cst.ImportFrom) and small.module is not None and code_of(small.module) == _PACKAGE
        for one in (() if isinstance(small.names, cst.ImportStar) else small.names)
        if one.asname is None
    }


def _below_imports(body):
    """Return the index below the imports that come before all other code, or below the docstring."""
    place = 0
    for number, line in enumerate(body):  # pragma: no branch (what needs the import comes below)
        if _is_import(line):
            place = number + 1
        elif number == 0 and _is_text(line):
            place = 1
        else:
            break
    return place


def _is_import(line):
    return isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], (cst.Import, cst.ImportFrom))


def _is_text(line):
    return (
        isinstance(line, cst.SimpleStatementLine)
        and isinstance(line.body[0], cst.Expr)
        and isinstance(line.body[0].value, (cst.SimpleString, cst.ConcatenatedString))
    )
