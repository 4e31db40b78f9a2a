"""Which ops a call of forward has built, in the graph and in the functions that it calls, and which were overridden."""

from compat_grad import _tf
from compat_grad.saving.named import stands_for

MOST = 1024  # functions that were executed and what was found in them is remembered


class Found:
    """What op types there are in a part of a graph, and which of them got the gradients of an override."""

    def __init__(self, graph, names):
        self._graph = graph
        self._names = names  # op type -> registered name
        self._called = []  # names of functions
        self.types = set()
        self.overridden = set()
        self.missed = []  # (op type, op name, function name)

    def is_ours(self, op):
        return op.type in self._names and stands_for(_tf.gradient_name(op), self._names[op.type])

    def look_at(self, op):
        self.types.add(op.type)
        if self.is_ours(op):
            self.overridden.add(op.type)
        self._called.extend(_tf.called_functions(op))

    def look_into_functions(self):
        if not self._called:
            return
        library = {function.signature.name: function for function in self._graph.as_graph_def().library.function}
        pending, seen = self._called, set()
        while pending:
            name = pending.pop()
            if name in seen or name not in library:
                continue
            seen.add(name)
            for node in library[name].node_def:
                self._look_at_node(node, name)
                pending.extend([node.op] + _tf.functions_in(node.attr))

    def _look_at_node(self, node, function_name):
        if node.op not in self._names:
            self.types.add(node.op)
            return
        gradient = _tf.text(node.attr["_gradient_op_type"].s) if "_gradient_op_type" in node.attr else None
        if stands_for(gradient, self._names[node.op]):
            self.overridden.add(node.op)
        elif gradient is None:  # otherwise somebody in there has overridden it himself
            self.missed.append((node.op, node.name, function_name))
        self.types.add(node.op)


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
        if op.type not in _tf.PLAIN_OP_TYPES:
            self._called.extend(op.called_functions())

    def look_into_functions(self):
        for name in self._called:
            if name not in self._scanned:
                if len(self._scanned) >= MOST:
                    self._scanned.clear()
                self._scanned[name] = _InFunction(name, self._names)
            inside = self._scanned[name]
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
            for node in definition.node_def:
                self._look_at_node(node, name)
                pending.extend([node.op] + _tf.functions_in(node.attr))
