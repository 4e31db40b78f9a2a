"""Finds the places of one source text that override a gradient, and says what is particular about each."""

import collections

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from compat_grad.migrate.kinds import HELPERS, KINDS, LEAKS, RENAMED_OPS, SILENT, Break
from compat_grad.migrate.names import Names, last
from compat_grad.migrate.program import Program
from compat_grad.migrate.reader import Reader
from compat_grad.migrate.tricks import code_of, find_trick

#: A text without any of these words holds nothing to find and need not be parsed.
WORDS = (
    "gradient_override_map",
    "RegisterGradient",
    "Defun",
    "custom_gradient",
    "stop_gradient",
    "gradient_registry",
    "use_gradient",
    "fn_with_custom_grad",
    "convert_gradient_to_tensor",
    "recompute_grad",
    "rev_block",
    "grad_pass_through",
    "redirected_relu_grad",
    "lucid.optvis",
)

Finding = collections.namedtuple("Finding", "path cell line column end_line kind what breaks instead mapped registered")
Finding.__doc__ = """One place that overrides a gradient.

path, cell, line, column, end_line: where (lines from 1, columns from 0); kind: a key of `KINDS`; what: a sentence on
what it does; breaks: list of `Break`; instead: what replaces it; mapped: the registered names that a map names;
registered: the name that is registered, None where it is made at run time.
"""

_PY_FUNCS = frozenset(("PyFunc", "PyFuncStateless", "EagerPyFunc"))


def find(source):
    """Return the `Finding`s in a `Source`, in the order of their lines.

    Raises:
      libcst.ParserSyntaxError: it is not Python 3.
    """
    wrapper = MetadataWrapper(cst.parse_module(source.text), unsafe_skip_copy=True)
    finder = _Finder(source, wrapper.module)
    wrapper.visit(finder)
    return sorted(finder.findings, key=lambda finding: (finding.line, finding.column))


class _Finder(cst.CSTVisitor):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, source, module):
        super().__init__()
        self.findings = []
        self._source = source
        self._names = Names()
        self._program = Program(self._names)
        self._program.read(module)
        self._within_trick = set()  # operations that are parts of one already reported
        self._decorated = {}  # the call in a decorator -> the function below it

    def _found(self, node, kind, what, extra=(), instead=None, mapped=(), registered=None):
        start, end = self.get_metadata(PositionProvider, node).start, self.get_metadata(PositionProvider, node).end
        self.findings.append(
            Finding(
                self._source.path,
                self._source.cell,
                start.line,
                start.column,
                end.line,
                kind,
                what,
                list(KINDS[kind].breaks) + list(extra),
                instead or KINDS[kind].instead,
                tuple(mapped),
                registered,
            )
        )

    # --- decorators and calls ---------------------------------------------------------------------------------

    def visit_FunctionDef(self, node):
        for decorator in node.decorators:
            expression = decorator.decorator
            if isinstance(expression, cst.Call):
                self._decorated[expression] = node
            elif self._is_custom_gradient(expression):
                self._custom_gradient(decorator, node)
            else:
                self._helper(expression)

    def visit_Call(self, node):
        if isinstance(node.func, cst.Call):  # tf.RegisterGradient(name)(function): the inner call is visited too
            return
        name = self._names.of(node.func)
        word = last(name)
        if word == "gradient_override_map" and name not in HELPERS and not self._program.defines(word):
            self._map(node)
        elif word == "RegisterGradient":
            self._register(node, self._decorated.get(node))
        elif word == "Defun":
            self._defun(node, self._decorated.get(node))
        elif self._is_custom_gradient(node.func):
            self._custom_gradient(node, self._decorated.get(node))
        else:
            self._helper(node.func)
        self._trick(node)

    def visit_ImportFrom(self, node):
        return False  # what is imported is found where it is used

    def visit_With(self, node):
        for item in node.items:  # Lucid's map module is entered as it is
            if not isinstance(item.item, cst.Call):
                self._helper(item.item)

    def visit_BinaryOperation(self, node):
        self._trick(node)

    # --- maps -------------------------------------------------------------------------------------------------

    def _map(self, node):
        mapping = self._program.mapping_of(node.args[0].value) if node.args else None
        if mapping is None:
            self._found(node, "override-map", "Enters an override map that is made elsewhere.")
            return
        keys = [key for key, _ in mapping]
        names = [value for _, value in mapping]
        shown = ", ".join("{} -> {}".format(key or "?", value or "a name made at run time") for key, value in mapping)
        kind = "py-func-gradient" if keys and set(keys) <= _PY_FUNCS else "override-map"
        what = "Ops created in its scope get other gradients: {}.".format(shown) if mapping else "Enters an empty map."
        self._found(node, kind, what, self._renamed(keys), self._instead_of_map(kind, mapping), filter(None, names))

    def _renamed(self, keys):
        for key in keys:
            if key in RENAMED_OPS:
                _, new, made_by, same = RENAMED_OPS[key]
                cure = "both: {!r} and {!r}".format(key, new) if same else "what is meant"
                yield Break(
                    "where TensorFlow makes {} ops ({})".format(new, made_by),
                    SILENT,
                    "A map on {!r} matches nothing there; name {}.".format(key, cure),
                )

    def _instead_of_map(self, kind, mapping):
        if kind == "py-func-gradient" or not mapping or None in [part for pair in mapping for part in pair]:
            return None
        parts = []
        for key, name in mapping:
            function = self._program.registered.get(name)
            parts.append("{!r}: {}".format(key, function or repr(name)))
        return "override_gradient(forward, {{{}}}) on the function that has the with-block's body".format(
            ", ".join(parts)
        )

    # --- registered names -------------------------------------------------------------------------------------

    def _register(self, node, function):
        name = self._program.text_of(node.args[0].value) if node.args else None
        of = " the gradient function {}".format(function.name.value) if function is not None else " a gradient function"
        if name is None:
            self._found(
                node,
                "register-gradient",
                "Registers{} under a name that is made at run time.".format(of),
                [
                    Break(
                        "every TensorFlow", LEAKS, "A name for each call: the registry keeps them, and what they hold."
                    )
                ],
            )
        else:
            self._found(node, "register-gradient", "Registers{} as {!r}.".format(of, name), registered=name)

    def _defun(self, node, function):
        given = {arg.keyword.value: arg.value for arg in node.args if arg.keyword is not None}
        key = next((key for key in ("python_grad_func", "grad_func") if key in given), None)
        if key is None:
            return  # a Defun without a gradient of its own
        gradient = code_of(given[key])
        what = "Makes {} a graph function with the gradient {} ({}).".format(
            function.name.value if function is not None else "a function", gradient, key
        )
        instead = "@override_gradient(backward={})".format(gradient) if key == "python_grad_func" else None
        self._found(node, "defun-gradient", what, instead=instead)

    # --- tf.custom_gradient -----------------------------------------------------------------------------------

    def _is_custom_gradient(self, node):
        name = self._names.of(node)
        if last(name) != "custom_gradient":
            return False
        return name.startswith(("tensorflow.", "keras.ops.", "tf.")) or name == "custom_gradient"

    def _custom_gradient(self, node, function):
        called = function.name.value if function is not None else None
        what = "Gives {} a gradient by tf.custom_gradient.".format(called or "a function")
        self._found(node, "custom-gradient", what, self._program.traps_of_custom_gradient(function))

    # --- the rest ---------------------------------------------------------------------------------------------

    def _helper(self, node):
        name = self._names.of(node)
        while name:
            if name in HELPERS:
                self._found(node, "library-helper", "Uses {}.".format(HELPERS[name]))
                return
            name = name.rpartition(".")[0]

    def visit_Attribute(self, node):
        self._registry(node)

    def visit_Name(self, node):
        if node.value == "_gradient_registry":
            self._registry(node)

    def _registry(self, node):
        name = self._names.of(node)
        if last(name) in ("_gradient_registry", "gradient_registry") and (
            name.startswith("tensorflow.") or name.startswith("ops.")
        ):
            self._found(node, "registry-patch", "Reaches into TensorFlow's registry of gradients.")

    def _trick(self, node):
        if node in self._within_trick:
            return
        trick = find_trick(node, self._stopped)
        if trick is None:
            return
        inner = _Operations()
        inner.read(node)
        self._within_trick.update(inner.found)
        value = "The value of {}".format(trick.value) if trick.value else "Another value"
        self._found(node, trick.kind, "{}, the gradient of {}.".format(value, trick.surrogate))

    def _stopped(self, node):
        if not isinstance(node, cst.Call) or not node.args:
            return None
        name = self._names.of(node.func)
        if last(name) != "stop_gradient" or name.startswith("jax."):
            return None
        return node.args[0].value


class _Operations(Reader):
    """All operations and calls within an expression."""

    def __init__(self):
        super().__init__()
        self.found = []

    def visit_BinaryOperation(self, node):
        self.found.append(node)

    def visit_Call(self, node):
        self.found.append(node)
