"""Which ops a call of forward has built, in the graph and in the functions that it calls, and which were overridden."""

from compat_grad import _tf


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
        return op.type in self._names and _tf.gradient_name(op) == self._names[op.type]

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
        if gradient == self._names[node.op]:
            self.overridden.add(node.op)
        elif gradient is None:  # otherwise somebody in there has overridden it himself
            self.missed.append((node.op, node.name, function_name))
        self.types.add(node.op)
