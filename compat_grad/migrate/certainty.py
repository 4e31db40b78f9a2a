"""Whether a block of code only computes: then it can be moved into a function without changing what it means.

A block that makes variables, keeps what it makes elsewhere, differentiates, or calls what this file does not show, may
mean something else there, and a person must look at it. Knows nothing of maps.
"""

import libcst as cst

from compat_grad.migrate.names import last
from compat_grad.migrate.reader import Reader
from compat_grad.migrate.tricks import code_of


class Uncertain(Exception):
    """What a person must decide, a sentence."""


def words(text):
    """Return the set of the words of a text."""
    return frozenset(text.split())


_TENSORFLOW = ("tensorflow.compat.v1.", "tensorflow.compat.v2.", "tensorflow.")

#: Parts of TensorFlow whose functions compute, and nothing else.
_COMPUTING = words("math nn linalg image signal strings random bitwise sets sparse dtypes debugging quantization shape")

#: What computes on tensors but not only, or builds functions, in which a map is another matter.
_MORE_THAN_COMPUTING = words(
    "Variable get_variable get_local_variable variable_scope placeholder placeholder_with_default gradients "
    "hessians GradientTape while_loop cond case switch_case map_fn scan foldl foldr vectorized_map function "
    "custom_gradient assign assign_add assign_sub scatter_update Graph Session get_default_session group no_op "
    "py_function make_template global_variables trainable_variables recompute_grad dynamic_rnn static_rnn raw_rnn "
    "bidirectional_dynamic_rnn add_to_collection get_collection add_check_numerics_ops moments_from_variables"
)

_BUILTINS = words(
    "abs bool dict enumerate float getattr hasattr int isinstance issubclass len list max min pow print range "
    "reversed round set sorted str sum tuple type zip any all"
)

#: Methods of tensors, shapes, texts and dicts that change nothing.
_METHODS = words(
    "get_shape as_list set_shape merge_with with_rank items keys values get format join split lower upper "
    "startswith endswith astype reshape copy dtype ndims concatenate is_fully_defined num_elements"
)

_CONTEXTS = frozenset(("name_scope", "device", "control_dependencies"))


class Certainty:
    """What is known of the functions of one module.

    Args:
      module: of LibCST.
      names: its `Names`.
    """

    def __init__(self, module, names):
        self._names = names
        self._functions = _Functions()
        self._functions.read(module)
        self.made = set()  # code of the functions that the rewriting made, of blocks that only compute

    def check(self, statements, class_name, parameters, returns):
        """Return whether statements branch or loop; raise `Uncertain` unless they only compute.

        Args:
          class_name: of the class around them, or None.
          parameters: the names of what was handed to the functions around them.
          returns: whether they may return.
        """
        walk = _Walk(self, class_name, parameters, returns)
        for statement in statements:
            walk.read(statement)
        return walk.branches

    def function(self, name):
        """Return the definition of a function, where there is exactly one of that name."""
        return self._functions.plain.get(name)

    def method(self, class_name, name):
        """Return the definition of a method, where there is exactly one."""
        return self._functions.methods.get((class_name, name))

    def short_name(self, node):
        """Return "nn.relu" of tf.nn.relu, under whichever alias; None where it is not TensorFlow's."""
        name = self._names.of(node)
        return next((name[len(one) :] for one in _TENSORFLOW if name.startswith(one)), None)

    def is_from(self, node, package):
        """Whether a name is of a package."""
        return self._names.of(node).split(".")[0] == package


class _Functions(Reader):
    """All functions of a module, those of classes apart; None for a name that several have."""

    def __init__(self):
        super().__init__()
        self.plain, self.methods = {}, {}
        self._classes = [None]

    def visit_ClassDef(self, node):
        self._classes.append(node.name.value)

    def leave_ClassDef(self, original_node):
        self._classes.pop()

    def visit_FunctionDef(self, node):
        name, class_name = node.name.value, self._classes[-1]
        if class_name is None:
            self.plain[name] = None if name in self.plain else node
        else:
            key = class_name, name
            self.methods[key] = None if key in self.methods else node
        self._classes.append(None)

    def leave_FunctionDef(self, original_node):
        self._classes.pop()


class _Walk(Reader):
    def __init__(self, certainty, class_name, parameters, returns, within=()):
        super().__init__()
        self._certainty = certainty
        self._class = class_name
        self._parameters = parameters
        self._returns = returns
        self._within = within  # functions on the way here: of those that call themselves
        self.branches = False
        self._n_loops = 0  # of the block's that we are in

    # --- statements -------------------------------------------------------------------------------------------

    def _refused(self, node):
        raise Uncertain("the block holds `{}`, which cannot move into a function".format(_short(node)))

    visit_Yield = visit_Await = visit_Global = visit_Nonlocal = visit_Del = visit_ClassDef = _refused
    visit_Import = visit_ImportFrom = visit_NamedExpr = visit_Try = _refused

    def visit_Return(self, node):
        if not self._returns:
            raise Uncertain("the block returns in some cases and goes on in others: let it always, or never, return")
        if node.value is None:
            raise Uncertain("the block returns nothing")

    def visit_FunctionDef(self, node):
        if node.decorators or node.asynchronous:
            self._refused(node)
        inner = _Walk(self._certainty, self._class, self._parameters, True, self._within)
        inner.read(node.body)
        self.branches |= inner.branches
        return False

    def visit_If(self, node):
        self.branches = True

    visit_IfExp = visit_If

    def visit_For(self, node):
        self.branches = True
        self._n_loops += 1

    def leave_For(self, original_node):
        self._n_loops -= 1

    visit_While, leave_While = visit_For, leave_For

    def visit_Break(self, node):
        if not self._n_loops:  # it leaves a loop around the block
            self._refused(node)

    visit_Continue = visit_Break

    def visit_With(self, node):
        for item in node.items:
            call = item.item
            name = self._certainty.short_name(call.func) if isinstance(call, cst.Call) else None
            if name not in _CONTEXTS:
                raise Uncertain("the block enters `{}`".format(_short(item.item)))

    def visit_AssignTarget(self, node):
        self._stored(node.target)

    def visit_AugAssign(self, node):
        self._stored(node.target)

    def visit_AnnAssign(self, node):
        self._stored(node.target)

    def _stored(self, target):
        elements = target.elements if isinstance(target, (cst.Tuple, cst.List)) else ()
        for one in elements:
            self._stored(one.value)
        if not elements and not isinstance(target, cst.Name):
            raise Uncertain("the block keeps what it makes in `{}`: return it instead".format(code_of(target)))

    def visit_Expr(self, node):
        value = node.value
        if isinstance(value, (cst.SimpleString, cst.ConcatenatedString)):
            return
        called = last(_dotted(value.func)) if isinstance(value, cst.Call) else ""
        if called not in ("set_shape", "print"):
            raise Uncertain("`{}` in the block does more than compute: take it out of the block".format(_short(value)))

    # --- calls ------------------------------------------------------------------------------------------------

    def visit_Call(self, node):
        certainty, function = self._certainty, node.func
        name = certainty.short_name(function)
        if code_of(function) in certainty.made:
            for one in node.args:
                self.read(one)
            return False
        if name is not None:
            self._of_tensorflow(name, function)
        elif certainty.is_from(function, "numpy") or certainty.is_from(function, "math"):
            pass
        elif isinstance(function, cst.Name) and function.value not in self._parameters:
            self._by_name(function.value)
        elif isinstance(function, cst.Attribute):
            self._of_object(function)
        else:
            self._unknown(function)

    def _of_tensorflow(self, name, function):
        parts = name.split(".")
        if parts[-1] in _MORE_THAN_COMPUTING or len(parts) > 2 or (len(parts) == 2 and parts[0] not in _COMPUTING):
            raise Uncertain(
                "`{}` in the block does more than compute: take it out of the block, or wrap the function".format(
                    code_of(function)
                )
            )

    def _by_name(self, name):
        if name in _BUILTINS:
            return
        definition = self._certainty.function(name)
        if definition is None:
            self._unknown(cst.Name(name))
        self._into(definition, self._class)

    def _of_object(self, function):
        method = function.attr.value
        if isinstance(function.value, cst.Name) and function.value.value in ("self", "cls"):
            definition = self._certainty.method(self._class, method)
            if definition is not None:
                return self._into(definition, self._class)
            self._unknown(function)
        if method not in _METHODS:
            self._unknown(function)

    def _into(self, definition, class_name):
        if definition in self._within:
            return
        if any("override_gradient" not in code_of(one.decorator) for one in definition.decorators):
            self._unknown(definition.name)
        inner = _Walk(self._certainty, class_name, frozenset(), True, (*self._within, definition))
        try:
            inner._parameters = _parameters(definition)
            inner.read(definition.body)
        except Uncertain as reason:
            raise Uncertain("it calls `{}`, where {}".format(definition.name.value, reason)) from None
        self.branches |= inner.branches

    def _unknown(self, function):
        raise Uncertain(
            "the block calls `{0}`, and this file does not tell whether that only computes (makes no variables, keeps "
            "nothing); if it does, override_gradient({0}, {{op type: gradient}}) replaces the map".format(
                code_of(function)
            )
        )


def _parameters(definition):
    every = definition.params
    return frozenset(one.name.value for one in (*every.posonly_params, *every.params, *every.kwonly_params))


def _dotted(node):
    return code_of(node) if isinstance(node, (cst.Name, cst.Attribute)) else ""


def _short(node):
    code = code_of(node)
    return code if len(code) < 60 else code[:57] + "..."
