"""Turns with-blocks under gradient_override_map into overrides, where it is certain that they stay what they are.

What is not certain stays as it is, with a reason; asked to, the function around it is wrapped instead.
"""

import collections

import libcst as cst
from libcst.metadata import ParentNodeProvider, PositionProvider

from compat_grad.migrate import overrides
from compat_grad.migrate.blocks import Place, inputs_of, outputs_of
from compat_grad.migrate.certainty import Certainty, Uncertain
from compat_grad.migrate.defuns import Defuns
from compat_grad.migrate.graphs import Graphs
from compat_grad.migrate.kinds import RENAMED_OPS
from compat_grad.migrate.names import last
from compat_grad.migrate.one_op import is_one_op
from compat_grad.migrate.program import Program
from compat_grad.migrate.reader import Reader
from compat_grad.migrate.registrations import Registrations
from compat_grad.migrate.scopes import Reads, always_returns
from compat_grad.migrate.tricks import code_of
from compat_grad.migrate.wrapping import HONOR, can_be_wrapped, contexts_with_maps, is_wrapped, with_wrapper

REWRITTEN, WRAPPED, LEFT = "rewritten", "wrapped", "left"

Change = collections.namedtuple("Change", "line action what")
Change.__doc__ = """line: of the original text; action: one of the three; what: a sentence."""

_LONGEST_LAMBDA = 50  # characters of its body: what is longer gets a function with a name
_LUCID = "lucid.misc.gradient_override.gradient_override_map"


class Rewriter(cst.CSTTransformer):
    """Rewrites one module.

    Args:
      module: of LibCST.
      names: its `Names`.
      wrap: whether functions with maps that are left are wrapped.
    """

    METADATA_DEPENDENCIES = (PositionProvider, ParentNodeProvider)

    def __init__(self, module, names, wrap):
        super().__init__()
        self.changes = []
        self.replaced = []  # Registrations whose function stands where their name stood
        self.loosened = set()  # names that what was removed had read
        self.needed = set()  # what is to be imported from compat_grad
        self._names = names
        self._program = Program(names)
        self._program.read(module)
        self._registrations = Registrations(self._program)
        self._registrations.read(module)
        self._certainty = Certainty(module, names)
        self._graphs = Graphs(self._program, self._certainty)
        self._defuns = Defuns(module, names, self._registrations, self._certainty)
        self._wrap = wrap
        self._to_wrap = set()
        self._entered_by_others = contexts_with_maps(module) if wrap else frozenset()
        self._made = []  # functions to stand before the statement at the top of the module that is being left
        self._taken = _all_names(module)

    # --- places -----------------------------------------------------------------------------------------------

    def _around(self, node):
        """Return what stands around a node, innermost first."""
        found = []
        while not isinstance(node, cst.Module):
            node = self.get_metadata(ParentNodeProvider, node)
            found.append(node)
        return found

    def _note(self, node, action, what):
        line = self.get_metadata(PositionProvider, node).start.line
        self.changes.append(Change(line, action, what))

    def _leave(self, node, reason):
        """Note that a map is left, or that the function around it is wrapped."""
        functions = [one for one in self._around(node) if isinstance(one, cst.FunctionDef)]
        innermost = functions[0] if functions else None
        if innermost is not None and is_wrapped(innermost):
            return
        if self._wrap and innermost is not None and can_be_wrapped(innermost):
            self._to_wrap.add(innermost)
            self.needed.add(HONOR)
            self._note(node, WRAPPED, "{} is wrapped with {}: {}.".format(innermost.name.value, HONOR, reason))
        else:
            self._note(node, LEFT, "To decide: {}.".format(reason))

    # --- blocks -----------------------------------------------------------------------------------------------

    def _is_map(self, node):
        return (
            isinstance(node, cst.Call)
            and last(self._names.of(node.func)) == "gradient_override_map"
            and self._certainty.function("gradient_override_map") is None
        )

    def leave_Call(self, original_node, updated_node):
        if self._is_map(original_node) and not isinstance(
            self.get_metadata(ParentNodeProvider, original_node), cst.WithItem
        ):
            self._leave(
                original_node,
                "the map is entered by other means than a with statement: which ops is it meant to hold for",
            )
        changed = self._defuns.rewritten_call(original_node, updated_node)
        if changed is not None:
            self._note_defun(original_node, changed)
            return changed.node
        return updated_node

    def leave_With(self, original_node, updated_node):
        items = [one for one in original_node.items if self._is_map(one.item)]
        if not items:
            return updated_node
        try:
            return self._overridden(original_node, updated_node, items)
        except Uncertain as reason:
            self._leave(original_node, str(reason))
        except SyntaxError:
            self._leave(original_node, "the Python that runs this cannot read it")
        return updated_node

    def _overridden(self, original, updated, items):
        place = Place(original, self._around(original))
        block = updated.body
        if not isinstance(block, cst.IndentedBlock):
            raise Uncertain("the block stands on the line of its with statement")
        if any(one.asname is not None for one in items) or original.asynchronous is not None:
            raise Uncertain("what the map gives is bound to a name")
        if place.class_name and not place.functions:
            raise Uncertain("the block is in the body of a class")
        gradients = self._gradients(items, place)
        returns = always_returns(block.body)
        branches = self._certainty.check(block.body, place.class_name, place.parameters(), returns)
        inputs = inputs_of(block.body, place)
        outputs = None if returns else outputs_of(block.body, place, inputs)
        nodes = collections.OrderedDict((key, one.node) for key, one in gradients.items())
        others = [one for one in updated.items if not self._is_map(one.item)]
        bare = updated.with_changes(leading_lines=[]) if others else updated
        new = self._built(bare, overrides.Plan(nodes, inputs, outputs, branches), gradients, place)
        self._after(original, items, gradients)
        if not others:
            return cst.FlattenSentinel(new)
        others[-1] = others[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return updated.with_changes(items=others, body=cst.IndentedBlock(body=new))

    def _gradients(self, items, place):
        """Return ordered {op type: Gradient} of the maps of one with statement."""
        found = collections.OrderedDict()
        scope = tuple(reversed(place.functions))
        for one in items:
            if self._names.of(one.item.func) != _LUCID:
                self._graphs.check_default(one.item.func.value, place)
            pairs = self._program.pairs_of(one.item.args[0].value) if len(one.item.args) == 1 else None
            if not pairs:
                raise Uncertain("the map is made elsewhere: which op types are in it")
            for key, value in pairs:
                op_type = self._program.text_of(key)
                if op_type is None:
                    raise Uncertain("the op type `{}` is made at run time".format(code_of(key)))
                found[op_type] = self._registrations.gradient(value, scope)
        for old, (_, new, made_by, same) in RENAMED_OPS.items():
            if old not in found or new in found:
                continue
            if not same:
                raise Uncertain(
                    "the map is on {}, and {} makes {} ops, which take or give more, or which TensorFlow 1 made, too: "
                    "a person must name which of them is meant".format(old, made_by, new)
                )
            found[new] = found[old]._replace(node=found[old].node.deep_clone())
        return found

    # --- what stands there instead ----------------------------------------------------------------------------

    def _built(self, updated, plan, gradients, place):
        """Return the statements that stand in the place of a with statement."""
        statement, value = _only_value(updated.body)
        one = is_one_op(value, gradients, self._certainty)
        if one is not None:
            new = overrides.override_of_one_op(value, one.node)
            self._certainty.made.add(code_of(new.func))
            return [self._with_value(updated, statement, new)]
        hoisted = self._can_stand_before(gradients, place)
        if not hoisted and value is not None and len(code_of(value)) < _LONGEST_LAMBDA:
            new = overrides.override_of_expression(value, plan)
            self._certainty.made.add(code_of(new.func))
            return [self._with_value(updated, statement, new)]
        if plan.outputs == []:
            raise Uncertain("nothing that the block makes is read after it: what is the map for")
        name = self._name_for(place)
        made = overrides.function(name, plan, updated.body, 2 if hoisted else 0)
        self._certainty.made.add(name)
        self.needed.add(overrides.NAME)
        if hoisted:
            self._made.append(made)
            return [overrides.call_of_function(name, plan, updated.leading_lines)]
        return [
            made.with_changes(leading_lines=updated.leading_lines),
            overrides.call_of_function(name, plan, [cst.EmptyLine(indent=False)]),
        ]

    def _with_value(self, updated, statement, value):
        self.needed.add(overrides.NAME)
        lead = [
            *updated.leading_lines,
            *overrides.comment_of(updated.body.header),
            *overrides.comments_of(statement.leading_lines),
            *overrides.comments_of(updated.body.footer),
        ]
        small = statement.body[0].with_changes(value=value)
        return statement.with_changes(body=[small], leading_lines=lead)

    def _can_stand_before(self, gradients, place):
        """Whether a function with these gradients can stand above the statement of the module that the block is in."""
        if not place.functions or not all(one.is_global for one in gradients.values()):
            return False
        here = self.get_metadata(PositionProvider, place.top).start.line
        for one in gradients.values():
            if one.registration is not None:
                definition = self._registrations.definition_of(code_of(one.node))
                if definition is None or self.get_metadata(PositionProvider, definition).start.line >= here:
                    return False
        return True

    def _name_for(self, place):
        """Return a name that nothing in the module has."""
        function = place.functions[0].name.value if place.functions else ""
        name = base = "{}_overridden".format(function.strip("_") or "block")
        number = 1
        while name in self._taken:
            number += 1
            name = "{}_{}".format(base, number)
        self._taken.add(name)
        return name

    def _after(self, original, items, gradients):
        for one in items:
            self.loosened.update(_all_names(one.item))
        used = [one.registration for one in gradients.values() if one.registration is not None]
        self.replaced.extend(used)
        shown = ", ".join("{} ops: {}".format(key, code_of(one.node)) for key, one in gradients.items())
        self._note(original, REWRITTEN, "The map is now an override. {}.".format(shown))

    # --- functions and the module -----------------------------------------------------------------------------

    def leave_FunctionDef(self, original_node, updated_node):
        changed = self._defuns.rewritten(original_node, updated_node)
        if changed is not None:
            self._note_defun(original_node, changed)
            updated_node = changed.node
        if self._enters_one_of_others(original_node):
            self.needed.add(HONOR)
            what = "{} is wrapped with {}: it enters a map that a function of this file makes."
            self._note(original_node, WRAPPED, what.format(original_node.name.value, HONOR))
            self._to_wrap.add(original_node)
        if original_node in self._to_wrap:
            return with_wrapper(updated_node)
        return updated_node

    def _enters_one_of_others(self, function):
        if not self._entered_by_others or function in self._to_wrap or is_wrapped(function):
            return False
        return can_be_wrapped(function) and bool(self._entered_by_others & set(Reads.of(function.body)))

    def _note_defun(self, node, changed):
        if changed.reason is not None:
            self._note(node, LEFT, "To decide: {}.".format(changed.reason))
            return
        self.loosened |= changed.loosened
        if changed.what:
            self.needed.add(overrides.NAME)
            self._note(node, REWRITTEN, changed.what)

    def on_leave(self, original_node, updated_node):
        new = super().on_leave(original_node, updated_node)
        is_statement = isinstance(original_node, (cst.BaseCompoundStatement, cst.SimpleStatementLine))
        if self._made and is_statement and isinstance(self.get_metadata(ParentNodeProvider, original_node), cst.Module):
            made, self._made = self._made, []
            return cst.FlattenSentinel([*made, *(new if isinstance(new, cst.FlattenSentinel) else [new])])
        return new


def _only_value(block):
    """Return (statement, value) of a block that is one assignment or return of a value; (None, None) of another."""
    if len(block.body) == 1 and isinstance(block.body[0], cst.SimpleStatementLine) and len(block.body[0].body) == 1:
        small = block.body[0].body[0]
        if isinstance(small, (cst.Assign, cst.Return)) and small.value is not None:
            return block.body[0], small.value
    return None, None


class _Every(Reader):
    def __init__(self):
        super().__init__()
        self.names = set()

    def visit_Name(self, node):
        self.names.add(node.value)


def _all_names(node):
    every = _Every()
    every.read(node)
    return every.names
