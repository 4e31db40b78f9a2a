"""The stop_gradient trick in the forms that people write it in.

    t + stop(f - t)        stop(f) + t - stop(t)        stop(f / t) * t        stop(f) / stop(t) * t

with the terms in any order, written with operators or with tf.add, tf.subtract and tf.multiply. Knows nothing of names:
it is handed the function that tells a call of stop_gradient.
"""

import collections

import libcst as cst

Trick = collections.namedtuple("Trick", "kind value surrogate")
Trick.__doc__ = """kind: of `kinds`; value, surrogate: the code of the two, "" where it does not stand alone."""

_SIGNS = {"add": (1, 1), "subtract": (1, -1)}


def find_trick(node, stopped):
    """Return the `Trick` that an expression is, or None.

    Args:
      node: an expression.
      stopped: function of a node; the argument of a stop_gradient call, or None where it is no such call.
    """
    return _sum(node, stopped) or _ratio(node, stopped)


# --- added ----------------------------------------------------------------------------------------------------


def _sum(node, stopped):
    terms = _terms(node, 1)
    if len(terms) < 2:
        return None
    free = [(sign, code_of(term)) for sign, term in terms if stopped(term) is None]
    held = [(sign, stopped(term)) for sign, term in terms if stopped(term) is not None]
    for sign, surrogate in free:
        for held_sign, inside in held:
            if held_sign == sign == 1 and _takes_away(inside, surrogate):
                return Trick("stop-gradient-trick", _without(inside, surrogate), surrogate)
            if held_sign == -sign and code_of(inside) == surrogate and len(held) > 1:
                value = next(code_of(one) for one_sign, one in held if one is not inside)
                return Trick("stop-gradient-trick", value, surrogate)
    return None


def _terms(node, sign):
    """Return the signed terms of a sum, whatever it is written with."""
    operation = _operation(node)
    if operation is None:
        if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
            return _terms(node.expression, -sign)
        return [(sign, node)]
    name, left, right = operation
    if name not in _SIGNS:
        return [(sign, node)]
    return _terms(left, sign * _SIGNS[name][0]) + _terms(right, sign * _SIGNS[name][1])


def _takes_away(node, surrogate):
    """Whether a sum, or a factor in it, has surrogate among its negative terms: f - t, (u - t) * mask + ..."""
    terms = _terms(node, 1)
    if (-1, surrogate) in [(sign, code_of(term)) for sign, term in terms] and len(terms) > 1:
        return True
    for _, term in terms:
        operation = _operation(term)
        factors = operation[1:] if operation and operation[0] in ("multiply", "divide") else ()
        if any(_takes_away(factor, surrogate) for factor in factors):
            return True
    return False


def _without(node, surrogate):
    left = [term for sign, term in _terms(node, 1) if sign == 1]
    return code_of(left[0]) if len(left) == 1 and len(_terms(node, 1)) == 2 else ""


# --- multiplied -----------------------------------------------------------------------------------------------


def _ratio(node, stopped):
    operation = _operation(node)
    if operation is None or operation[0] != "multiply":
        return None
    for held, free in (operation[1:], operation[:0:-1]):
        inside = stopped(held)
        quotient = _operation(inside) if inside is not None else _operation(held)
        if quotient is None or quotient[0] != "divide":
            continue
        over, under = quotient[1:]
        if inside is None:
            over, under = stopped(over), stopped(under)
        if over is not None and under is not None and code_of(under) == code_of(free):
            return Trick("stop-gradient-ratio", code_of(over), code_of(free))
    return None


# --- expressions ----------------------------------------------------------------------------------------------

_OPERATORS = {cst.Add: "add", cst.Subtract: "subtract", cst.Multiply: "multiply", cst.Divide: "divide"}
_FUNCTIONS = {"add": "add", "subtract": "subtract", "sub": "subtract", "multiply": "multiply", "mul": "multiply"}
_FUNCTIONS.update(divide="divide", div="divide", truediv="divide", div_no_nan="divide", divide_no_nan="divide")


def _operation(node):
    """Return (name, left, right) of an arithmetic operation of two, or None."""
    if isinstance(node, cst.BinaryOperation):
        name = _OPERATORS.get(type(node.operator))
        return (name, node.left, node.right) if name else None
    if isinstance(node, cst.Call) and len(node.args) == 2 and not any(arg.star or arg.keyword for arg in node.args):
        function = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
        name = _FUNCTIONS.get(getattr(function, "value", None))
        return (name, node.args[0].value, node.args[1].value) if name else None
    return None


def code_of(node):
    """Return the code of an expression on one line, without the parentheses around it."""
    if getattr(node, "lpar", None):
        node = node.with_changes(lpar=[], rpar=[])
    return " ".join(cst.Module([]).code_for_node(node).split())
