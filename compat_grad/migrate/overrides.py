"""Builds the code that replaces a block: a call of an override, and the function that it wraps.

Handles syntax only: it is told what is read, what is returned, and which gradients there are.
"""

import collections

import libcst as cst

from compat_grad.migrate.tricks import code_of

NAME = "override_gradient"

Plan = collections.namedtuple("Plan", "gradients inputs outputs branches")
Plan.__doc__ = """What is made of a block.

gradients: ordered {op type: expression}; inputs, outputs: names, outputs None where the block returns; branches:
whether it has branches, in some of which an op type may not occur.
"""


def call(function, args):
    """Return the code of a call with positional arguments."""
    return cst.Call(func=function, args=[cst.Arg(one) for one in args])


def mapping(gradients):
    """Return the code of a dict from op types to gradients."""
    elements = [cst.DictElement(cst.SimpleString('"{}"'.format(key)), value) for key, value in gradients.items()]
    return cst.Dict(elements)


def _keyword(name, value):
    equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    return cst.Arg(value, keyword=cst.Name(name), equal=equal)


def _on_unused(plan):
    several = len(plan.gradients) > 1 or plan.branches
    return [_keyword("on_unused", cst.SimpleString('"ignore"'))] if several else []


def decorator(plan):
    """Return the code of ``@override_gradient(backward={...})``."""
    args = [_keyword("backward", mapping(plan.gradients)), *_on_unused(plan)]
    return cst.Decorator(cst.Call(func=cst.Name(NAME), args=args))


def decorator_of_function(backward):
    """Return the code of ``@override_gradient(backward=...)`` for a function as a whole."""
    return cst.Decorator(cst.Call(func=cst.Name(NAME), args=[_keyword("backward", backward)]))


def function(name, plan, block, n_empty_lines):
    """Return the code of a decorated function that holds a block's statements."""
    statements, footer = list(block.body), list(block.footer)
    if plan.outputs is not None:
        value = _names(plan.outputs)
        statements.append(cst.SimpleStatementLine([cst.Return(value)], leading_lines=_at_statements(footer)))
        footer = []
    params = [cst.Param(cst.Name(one)) for one in plan.inputs]
    return cst.FunctionDef(
        name=cst.Name(name),
        params=cst.Parameters(params=params),
        body=cst.IndentedBlock(body=statements, header=block.header, footer=footer),
        decorators=[decorator(plan)],
        leading_lines=[cst.EmptyLine(indent=False) for _ in range(n_empty_lines)],
    )


def call_of_function(name, plan, leading_lines):
    """Return the statement that calls such a function, in the place of the block."""
    value = call(cst.Name(name), [cst.Name(one) for one in plan.inputs])
    return cst.SimpleStatementLine([_taking(value, plan.outputs)], leading_lines=leading_lines)


def _taking(value, outputs):
    if outputs is None:
        return cst.Return(value)
    return cst.Assign(targets=[cst.AssignTarget(_names(outputs))], value=value)


def _names(names):
    if len(names) == 1:
        return cst.Name(names[0])
    return cst.Tuple([cst.Element(cst.Name(one)) for one in names], lpar=[], rpar=[])


def override_of_one_op(value, gradient):
    """Return the code of the call of an op under an override of the op's function itself."""
    return value.with_changes(func=call(cst.Name(NAME), [value.func.with_changes(lpar=[], rpar=[]), gradient]))


def override_of_expression(value, plan):
    """Return the code of the call of an override of a lambda with this value; of its function, where that is all."""
    forward = _lambda(value, plan)
    if isinstance(value, cst.Call) and code_of(value) == code_of(
        call(value.func, [cst.Name(one) for one in plan.inputs])
    ):
        forward = value.func
    args = [cst.Arg(forward), cst.Arg(mapping(plan.gradients)), *_on_unused(plan)]
    return call(cst.Call(func=cst.Name(NAME), args=args), [cst.Name(one) for one in plan.inputs])


def _lambda(value, plan):
    params = cst.Parameters(params=[cst.Param(cst.Name(one)) for one in plan.inputs])
    whitespace = cst.SimpleWhitespace(" ") if plan.inputs else cst.SimpleWhitespace("")
    return cst.Lambda(params=params, body=value, whitespace_after_lambda=whitespace)


def comments_of(lines):
    """Return those of some empty lines that hold a comment."""
    return [line for line in lines if line.comment is not None]


def comment_of(whitespace):
    """Return the comment at the end of a line as a line of its own, in a list; none: []."""
    return [cst.EmptyLine(comment=whitespace.comment)] if whitespace.comment is not None else []


def _at_statements(lines):
    """Return footer lines with the indentation of the statement that they now stand before."""
    return [line.with_changes(whitespace=cst.SimpleWhitespace("")) for line in comments_of(lines)]
