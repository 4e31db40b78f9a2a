"""Which ops a call of forward has built, in the graph and in the functions that it calls, and which were overridden."""

from compat_grad import _tf
from compat_grad.saving.named import stands_for

MOST = 1024  # functions that were executed and what was found in them is remembered


class Found:
    """What op types there are in a part of a graph, and which of them got the gradients of an override."""

    def __init__(self, graph, names):
        self._names = names  # op type -> registered name
        self._bodies = _tf.FunctionBodies(graph)
        self._called = []  # (name of a function, the graph that knows it, whether the runtime differentiates it)
        self.types = set()
        self.overridden = set()
        self.taken = {}  # op type -> the name of another gradient that such an op already has
        self.missed = []  # (op type, op name, function name)
        self.calls = []  # (op type, op name) of calls of functions, which have no gradient of their own

    def is_ours(self, op):
        """Whether op has the gradient that its type is mapped to."""
        return op.type in self._names and stands_for(_tf.gradient_name(op), self._names[op.type])

    def look_at(self, op):
        if op.type in self._names and _tf.is_left_native(op):
            return
        self.types.add(op.type)
        called = _tf.called_functions(op)
        if called and _tf.gives_no_values(op.type):
            called = []
        self._called.extend((name, op.graph, name == op.type and not _tf.has_own_gradient(op)) for name in called)
        if op.type in self._names:
            if op.type in called:
                self.calls.append((op.type, op.name))
            self._note(op.type, _tf.gradient_name(op))

    def look_into_functions(self):
        seen = set()
        while self._called:
            name, graph, by_runtime = self._called.pop()
            if name not in seen:
                seen.add(name)
                nodes, knowing = self._bodies.of(name, graph)
                for node in nodes:
                    self._look_at_node(node, name, by_runtime)
                    self._called.extend(
                        (called, knowing, by_runtime or called == node.type) for called in node.called_functions()
                    )

    def _look_at_node(self, node, function_name, by_runtime=False):
        if node.type in self._names and node.is_left_native():
            return
        self.types.add(node.type)
        if node.type not in self._names:
            return
        gradient = None if by_runtime else node.gradient_name()  # whose gradients are those of the types
        self._note(node.type, gradient)
        if gradient is None:
            self.missed.append((node.type, node.name, function_name))

    def _note(self, op_type, gradient):
        if stands_for(gradient, self._names[op_type]):
            self.overridden.add(op_type)
        elif gradient is not None:  # an inner override, or a map that forward has set itself
            self.taken[op_type] = gradient


class FoundExecuted(Found):
    """The same of what is executed eagerly, where ops have no names of gradients."""

    def __init__(self, names, scanned):
        super().__init__(None, names)
        self._scanned = scanned  # function -> what was found in it, kept from call to call
        self.unknown = []  # names of functions that this TensorFlow does not show (to 2.3)

    def look_at(self, op):
        self.types.add(op.type)
        if op.type in self._names:
            self.overridden.add(op.type)
        if op.type not in _tf.PLAIN_OP_TYPES and not _tf.gives_no_values(op.type):
            self._called.extend(map(self._inside, op.called_functions()))

    def _inside(self, name):
        """Return what is in a function: looked into at once, for it may be gone when the call is judged."""
        if name not in self._scanned:
            if len(self._scanned) >= MOST:
                self._scanned.clear()
            self._scanned[name] = _InFunction(name, self._names)
        return self._scanned[name]

    def look_into_functions(self):
        for inside in self._called:
            self.types |= inside.types
            self.overridden |= inside.overridden
            self.missed += inside.missed
            self.unknown += inside.unknown


class _InFunction(Found):
    """The same of a function and those that it calls."""

    def __init__(self, name, names):
        super().__init__(None, names)
        self.unknown = []
        pending, seen = [name], set()
        while pending:
            name = pending.pop()
            if name in seen or not _tf.is_executed_function(name):
                continue
            seen.add(name)
            definition = _tf.executed_function(name)
            if definition is None:
                self.unknown.append(name)
                continue
            for node in map(_tf.NodeOfDefinition, definition.node_def):
                self._look_at_node(node, name)
                pending.extend([node.type] + node.called_functions())
