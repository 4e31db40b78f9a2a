"""The call of an override that a Keras layer makes: which argument is which of the layer's inputs, and the rest.

Knows nothing of Keras.
"""

import functools

from compat_grad.call import structure
from compat_grad.call.signature import signature_of
from compat_grad.override import Override


class Slot:
    """Where the layer's input with this index goes; None: all of the layer's inputs, in their structure."""

    def __init__(self, index):
        self.index = index


class LayerCall:
    """An override with the arguments that do not change from call to call of a layer.

    Attributes:
      override: the `Override`.
      own: a method's self, in a tuple.
      args, kwargs: the arguments, with `Slot`s where tensors go.
    """

    def __init__(self, override, own, args, kwargs):
        self.override = override
        self.own = own
        self.args = args
        self.kwargs = kwargs
        self._takes = set()
        signature = signature_of(override)
        if signature is not None:
            names = list(signature.parameters)[len(own) :]
            self._takes = set(names[len(args) :]) - set(kwargs)

    def __call__(self, inputs, **flags):
        """Call the override on a layer's inputs.

        Args:
          inputs: a tensor or structure of tensors.
          flags: what Keras tells a layer, such as training; handed on where forward has a parameter of that name.
        """

        def fill(leaf):
            if not isinstance(leaf, Slot):
                return leaf
            if leaf.index is None:
                return inputs
            return inputs[leaf.index] if isinstance(inputs, (list, tuple)) else inputs

        args, kwargs = structure.map_leaves(fill, (self.args, self.kwargs))
        kwargs.update({name: value for name, value in flags.items() if name in self._takes})
        return self.override(*self.own, *args, **kwargs)

    def key(self):
        """Return what is equal for calls that differ in nothing."""
        leaves = structure.leaves_of((self.own, self.args, self.kwargs))
        names = [leaf.index if isinstance(leaf, Slot) else (type(leaf), id(leaf)) for leaf in leaves]
        return repr(structure.map_leaves(lambda leaf: 0, (self.args, self.kwargs))), tuple(names)

    def holders(self):
        """Return the objects behind the override that may hold variables, and all other callables behind it."""
        found = list(self.own)
        for function in self.override.forward, self.override.surrogate:
            found.extend(behind(function))
        return found


def behind(function):
    """Yield function and what it is made of: a partial's function, a method's object, an override's functions."""
    if function is None:
        return
    yield function
    if isinstance(function, functools.partial):
        for inner in behind(function.func):
            yield inner
    elif hasattr(function, "__self__"):
        yield function.__self__
    elif isinstance(function, Override):
        for part in (function.forward, function.surrogate):
            for inner in behind(part):
                yield inner
