"""Legacy code that needs a graph, in eager mode: traced into a function of its own.

Knows nothing of maps: what is traced enters them.
"""

from compat_grad import _tf
from compat_grad.call.arguments import Arguments
from compat_grad.call.forward import follow_autograph
from compat_grad.call.traced import TracedFunctions

_SAYS_SO = ("eager execution", "eager mode", "executing eagerly")


def needs_graph(error):
    """Whether it is for want of a graph that TensorFlow has raised an error."""
    said = str(error).lower()
    return any(words in said for words in _SAYS_SO)


class InGraph:
    """Calls a callable as a traced function.

    Attributes:
      wanted: whether it has been called so before.
    """

    def __init__(self, legacy):
        self.wanted = False
        self._legacy = legacy
        self._title = "honor_override_maps of {!r}".format(getattr(legacy, "__name__", legacy))
        self._arguments = None
        self._functions = TracedFunctions(self._title)

    def __call__(self, args, kwargs):
        if self._arguments is None:
            self._arguments = Arguments(self._legacy, 0, self._title)
        layout, parts = self._arguments.take_apart(args, kwargs)
        plain = layout.place(parts, layout.nothing)

        @_tf.not_converted
        def body(*tensors):
            args, kwargs = layout.pack(layout.place(plain, tensors))
            return follow_autograph(self._legacy, _tf.FUNCTION)(*args, **kwargs)

        result = self._functions.function(body, (), layout, parts)(layout.read_tensors(parts))
        self.wanted = True
        return result
