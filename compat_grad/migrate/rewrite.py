"""From one source text to the text in which its legacy gradient code is rewritten. Touches no file."""

import collections

import libcst as cst
from libcst.metadata import MetadataWrapper

from compat_grad.migrate.cleaning import clean
from compat_grad.migrate.finder import find
from compat_grad.migrate.imports import with_imports
from compat_grad.migrate.names import Names
from compat_grad.migrate.rewriter import LEFT, REWRITTEN, WRAPPED, Change, Rewriter

#: Kinds that hold in every mode as they are: nothing must be done, something can be gained.
RIGHT = "right as it is"
_RIGHT = frozenset(("custom-gradient", "stop-gradient-trick", "stop-gradient-ratio"))

#: Kinds that are part of another, which is told of.
_PARTS = frozenset(("register-gradient", "override-map", "py-func-gradient", "defun-gradient"))

_REWRITTEN = ("gradient_override_map", "Defun")

Rewritten = collections.namedtuple("Rewritten", "code changes")
Rewritten.__doc__ = """code: bytes; changes: list of `Change`, in the order of their lines."""


def rewrite(source, data, wrap=False, is_named_elsewhere=lambda text: False):
    """Rewrite a Python file.

    Args:
      source: its `Source`.
      data: its bytes, of which encoding, line ends and layout are kept.
      wrap: whether functions with maps that cannot be rewritten with certainty get ``@honor_override_maps``.
      is_named_elsewhere: function of a text; whether another file of the program mentions it.

    Raises:
      libcst.ParserSyntaxError: it is not Python 3.
    """
    told = list(_told(find(source)))
    if not any(word in source.text for word in _REWRITTEN):
        return Rewritten(data, told)
    module = cst.parse_module(data)
    names = Names()
    wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
    rewriter = Rewriter(module, names, wrap)
    new = wrapper.visit(rewriter)
    if any(one.action != LEFT for one in rewriter.changes):
        new = clean(new, rewriter, names, is_named_elsewhere)
        new = with_imports(new, rewriter.needed)
    return Rewritten(new.bytes, sorted(rewriter.changes + told, key=lambda one: one.line))


def _told(findings):
    """Return what is said of that which this rewriting never touches."""
    for one in findings:
        if one.kind in _RIGHT:
            yield Change(one.line, RIGHT, "{} Gained by: {}.".format(one.what, one.instead))
        elif one.kind not in _PARTS:
            yield Change(one.line, LEFT, "To decide: {} Instead: {}.".format(one.what, one.instead))


__all__ = ["LEFT", "REWRITTEN", "RIGHT", "WRAPPED", "Change", "Rewritten", "rewrite"]
