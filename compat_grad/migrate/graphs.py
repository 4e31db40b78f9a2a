"""Whether the graph that a map is entered on is the one that the ops of its block go to: the default graph."""

import libcst as cst

from compat_grad.migrate.certainty import Uncertain
from compat_grad.migrate.names import last
from compat_grad.migrate.scopes import parameters_of
from compat_grad.migrate.tricks import code_of


class Graphs:
    """What is known of the graphs of one module."""

    def __init__(self, program, certainty):
        self._program = program
        self._certainty = certainty

    def check_default(self, graph, place):
        """Raise `Uncertain` unless a graph is the default graph at a place."""
        if self._is_default(graph, place) or self._is_entered(graph, place):
            return
        raise Uncertain(
            "is `{}` the default graph where the block runs? (Else the map holds for none of its ops)".format(
                code_of(graph)
            )
        )

    def _is_default(self, graph, place):
        if isinstance(graph, cst.Call):
            return self._returns_default(graph.func, place)
        if isinstance(graph, cst.Attribute) and graph.attr.value == "graph" and isinstance(graph.value, cst.Call):
            return last(code_of(graph.value.func)) in ("get_session", "get_default_session")
        if isinstance(graph, cst.Name) and any(graph.value in parameters_of(one) for one in place.functions):
            return False
        given = self._program.assigned.get(code_of(graph), ())
        return bool(given) and all(not isinstance(one, cst.Name) and self._is_default(one, place) for one in given)

    def _returns_default(self, function, place):
        if last(code_of(function)) in ("get_default_graph", "get_graph"):
            return True
        definition = self._certainty.function(function.value) if isinstance(function, cst.Name) else None
        value = _only_returns(definition) if definition is not None else None
        return value is not None and isinstance(value, cst.Call) and self._is_default(value, place)

    def _is_entered(self, graph, place):
        """Whether a with statement around the place, or that of the place, makes it the default graph."""
        entered = code_of(graph) + ".as_default()"
        withs = [one for one in (place.node, *place.around) if isinstance(one, cst.With)]
        return any(code_of(item.item) == entered for one in withs for item in one.items)


def _only_returns(function):
    """Return what a function returns, if that is all that it does."""
    if not isinstance(function.body, cst.IndentedBlock) or len(function.body.body) != 1:
        return None
    line = function.body.body[0]
    if isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], cst.Return):
        return line.body[0].value
    return None
