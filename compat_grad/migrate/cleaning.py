"""Takes away what a rewriting left without use: registrations, names made for them, graphs asked for, imports.

Only what was read by code that is gone, and is read by nothing any more; comments stay.
"""

import libcst as cst

from compat_grad.migrate import overrides
from compat_grad.migrate.names import last
from compat_grad.migrate.reader import Reader
from compat_grad.migrate.registrations import is_registration
from compat_grad.migrate.scopes import Reads
from compat_grad.migrate.tricks import code_of


def clean(module, rewriter, names, is_named_elsewhere):
    """Return a rewritten module without what it needs no more.

    Args:
      rewriter: the `Rewriter` that has been through the module.
      names: the module's `Names`.
      is_named_elsewhere: function of a text; whether another file mentions it.
    """
    loosened = set(rewriter.loosened)
    replaced = {(one.code, one.text) for one in rewriter.replaced}
    while True:  # what is removed loosens other names
        sweep = _Sweep(module, loosened, replaced, names, is_named_elsewhere)
        swept = module.visit(sweep)
        if not sweep.removed:
            return module
        module, loosened = swept, loosened | sweep.loosened


class _Sweep(cst.CSTTransformer):
    def __init__(self, module, loosened, replaced, names, is_named_elsewhere):
        super().__init__()
        self.loosened, self.removed = set(), 0
        self._old = loosened
        self._replaced = replaced
        self._names = names
        self._is_named_elsewhere = is_named_elsewhere
        self._reads = [Reads.of(module)]  # of the module and of the functions that we are in
        self._texts = _texts_of(module)
        self._still_mapped = _mapped_code(module)
        self._is_public = {text for text, _ in self._texts.items()} if _has_all(module) else set()

    # --- statements -------------------------------------------------------------------------------------------

    def visit_FunctionDef(self, node):
        self._reads.append(Reads.of(node))

    def leave_FunctionDef(self, original_node, updated_node):
        self._reads.pop()
        kept, comments = [], []
        for one in updated_node.decorators:
            if is_registration(one.decorator) and self._is_superfluous(one.decorator):
                self._gone(one.decorator)
                comments += overrides.comments_of(one.leading_lines) + overrides.comment_of(one.trailing_whitespace)
            else:
                kept.append(one)
        if len(kept) == len(updated_node.decorators):
            return updated_node
        lines = [*updated_node.leading_lines, *comments]
        return updated_node.with_changes(decorators=kept, leading_lines=lines)

    def leave_IndentedBlock(self, original_node, updated_node):
        body, footer = self._kept(updated_node.body)
        if not body:
            body = [cst.SimpleStatementLine([cst.Pass()])]
        return updated_node.with_changes(body=body, footer=[*footer, *updated_node.footer])

    def leave_Module(self, original_node, updated_node):
        body, footer = self._kept(updated_node.body)
        return updated_node.with_changes(body=body, footer=[*footer, *updated_node.footer])

    def _kept(self, statements):
        """Return the statements that stay, and the comments that none follows."""
        kept, comments, gap = [], [], None
        for one in statements:
            if isinstance(one, cst.SimpleStatementLine) and len(one.body) == 1 and self._is_gone(one.body[0]):
                self._gone(one.body[0])
                comments += overrides.comments_of(one.leading_lines) + overrides.comment_of(one.trailing_whitespace)
                gap = gap or len(one.leading_lines) > len(overrides.comments_of(one.leading_lines))
                continue
            if gap is not None:
                one = _with_lines_before(one, comments, gap, is_first=not kept)
                comments, gap = [], None
            kept.append(one)
        return kept, comments

    def _is_gone(self, small):
        if isinstance(small, cst.Expr):
            value = small.value
            return isinstance(value, cst.Call) and is_registration(value.func) and self._is_superfluous(value.func)
        if isinstance(small, (cst.Import, cst.ImportFrom)):
            return _may_lose_names(small) and all(self._is_unused(one) for one in small.names)
        if isinstance(small, cst.Assign) and len(small.targets) == 1 and isinstance(small.targets[0].target, cst.Name):
            return self._is_unused_name(small.targets[0].target.value, small.value)
        return False

    def _is_unused_name(self, name, value):
        """Whether a variable was read by what is gone alone, and holds nothing but a name, a map or a graph."""
        if name not in self._old or self._reads[-1].get(name):
            return False
        at_top = len(self._reads) == 1
        return self._only_names(value) and not (at_top and self._is_named_elsewhere(name))

    def _gone(self, node):
        self.removed += 1
        self.loosened |= set(Reads.of(node))

    def _only_names(self, node):
        """Whether nothing but a name, a map or a graph comes of evaluating an expression."""
        calls = _Calls(self._names)
        calls.read(node)
        return calls.only_names

    def _is_superfluous(self, registration):
        """Whether a registration's function now stands wherever its name stood."""
        name = registration.args[0].value
        code = code_of(name)
        texts = [text for known, text in self._replaced if known == code]
        if not texts or code in self._still_mapped:
            return False
        (text,) = set(texts)
        n_read = self._reads[0 if text is not None else -1].get(name.value, 0) if isinstance(name, cst.Name) else 1
        if text is None:
            return n_read == 1
        return n_read == 1 and self._texts.get(text, 0) <= 1 and not self._is_named_elsewhere(text)

    # --- imports ----------------------------------------------------------------------------------------------

    def leave_ImportFrom(self, original_node, updated_node):
        if not _may_lose_names(updated_node):
            return updated_node
        kept = [one for one in updated_node.names if not self._is_unused(one)]
        if not kept or len(kept) == len(updated_node.names):
            return updated_node  # the whole statement goes, or nothing
        self.removed += 1
        kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return updated_node.with_changes(names=kept)

    def _is_unused(self, alias):
        bound = code_of(alias.name if alias.asname is None else alias.asname.name).partition(".")[0]
        return bound in self._old and not self._reads[0].get(bound) and bound not in self._is_public


def _may_lose_names(node):
    if isinstance(node, cst.Import):
        return True
    return not isinstance(node.names, cst.ImportStar) and code_of(node.module or cst.Name("_")) != "__future__"


def _with_lines_before(statement, comments, gap, is_first):
    """Return a statement with the comments of removed ones before it, as far from what is above as they were."""
    below = list(statement.leading_lines)
    n_empty = next((number for number, line in enumerate(below) if line.comment is not None), len(below))
    above = [] if is_first else [cst.EmptyLine(indent=False)] * max(n_empty, int(gap))
    return statement.with_changes(leading_lines=[*above, *comments, *below[n_empty:]])


class _Calls(Reader):
    """Whether an expression only makes a name, or asks for a graph."""

    _ROOTS = frozenset(("uuid", "random", "time", "string", "secrets"))
    _CALLED = frozenset(
        ("str", "int", "float", "format", "join", "id", "hash", "len", "repr", "dict", "get_default_graph")
        + ("get_session", "get_default_session", "lower", "replace", "strip", "hex")
    )

    def __init__(self, names):
        super().__init__()
        self._names = names
        self.only_names = True

    def visit_Call(self, node):
        name = self._names.of(node.func)
        known = name.split(".")[0] in self._ROOTS or name.startswith("numpy.random.") or last(name) in self._CALLED
        self.only_names &= known

    def visit_NamedExpr(self, node):
        self.only_names = False

    visit_Await = visit_Yield = visit_ListComp = visit_NamedExpr


class _Texts(Reader):
    def __init__(self):
        super().__init__()
        self.counts = {}

    def visit_SimpleString(self, node):
        value = node.evaluated_value
        self.counts[value] = self.counts.get(value, 0) + 1


def _texts_of(module):
    """Return {text: how often it is written as a literal}."""
    texts = _Texts()
    texts.read(module)
    return texts.counts


class _Mapped(Reader):
    def __init__(self):
        super().__init__()
        self.code = set()

    def visit_Call(self, node):
        if code_of(node.func).endswith("gradient_override_map"):
            for one in node.args:
                if isinstance(one.value, cst.Dict):
                    self.code |= {code_of(element.value) for element in one.value.elements}


def _mapped_code(module):
    """Return the code of the names that the maps which are left give."""
    mapped = _Mapped()
    mapped.read(module)
    return mapped.code


def _has_all(module):
    return any(
        isinstance(small, cst.Assign) and code_of(small.targets[0].target) == "__all__"
        for line in module.body
        if isinstance(line, cst.SimpleStatementLine)
        for small in line.body
    )
