"""From a call's arguments to its flat leaves: which of them are tensors, what they are called, and the way back.

What can be known from the types of the arguments, the structures that they are in and the names of the keywords (a
`Layout`) is worked out once for each such call shape and reused. Knows nothing of strategies or gradients.
"""

import inspect

from compat_grad import _tf
from compat_grad._tf import tf
from compat_grad.call import structure

# What an argument is to an override, by its type alone.
EAGER, GRAPH, VARIABLE = "eager tensor", "graph tensor", "variable"
KERAS, PLAIN, NESTED = "Keras symbolic tensor", "plain value", "nested structure"
DIFFERENTIABLE = frozenset((EAGER, GRAPH, VARIABLE))
_KINDS = {}  # type -> kind; as many entries as the program has types of arguments


def _kind(value):
    cls = type(value)
    kind = _KINDS.get(cls)
    if kind is None:
        kind = _KINDS[cls] = _kind_of_type(cls)
    return kind


def _kind_of_type(cls):
    if _tf.is_keras_tensor_type(cls):
        return KERAS
    if _tf.is_eager_tensor_type(cls):
        return EAGER
    if _tf.is_tensor_type(cls):
        return GRAPH
    if _tf.is_variable_type(cls):
        return VARIABLE
    if cls.__module__ in ("builtins", "numpy") and not issubclass(cls, (list, tuple, dict)):
        return PLAIN
    return NESTED  # containers, composite tensors, and whatever else TensorFlow's nest may know to take apart


def _shape(value):
    """Return what is known of a value from types and names, those within it included; None where that is not all."""
    cls = type(value)
    if (_KINDS.get(cls) or _kind(value)) is not NESTED:
        return cls
    if isinstance(value, dict):
        names, values = tuple(value), value.values()
    elif isinstance(value, (list, tuple)):
        names, values = (), value
    else:
        return None
    shapes = tuple(map(_shape, values))
    return None if None in shapes else (cls, names, shapes)


class Layout:
    """How the leaves of one call shape lie in its arguments.

    Attributes:
      kinds: what each leaf is, in the order of forward's signature.
      tensors: the positions of the leaves that gradients are asked for: tensors and variables.
      nothing: None for each of them.
      checked: whether a call of this shape has passed all checks; set by who checks.
      call: what is worked out once for a call shape without plain values; set by who works it out.
    """

    def __init__(self, kinds, names, n_positional):
        self.kinds = kinds
        self.tensors = tuple([index for index, kind in enumerate(kinds) if kind in DIFFERENTIABLE])
        self.nothing = [None] * len(self.tensors)
        self.only_tensors = len(self.tensors) == len(kinds)
        self.has_graph_tensors = GRAPH in kinds
        self.has_keras_tensors = KERAS in kinds
        self.checked = False  # whether a call of this shape has gone all the way
        self.needs_no_record = False  # whether the last one read no captured variables
        self.call = None
        self.has_variables = VARIABLE in kinds
        self._names = names
        self._keywords = names[n_positional:]
        self._n_positional = n_positional

    def key(self):
        """Return what is equal for the same layouts only."""
        return tuple(self.kinds), self._names, self._n_positional

    def leaves(self, values):
        """Return the leaves in the values of a call of this shape."""
        return values

    def place(self, leaves, tensors):
        """Return leaves with these tensors where the caller passed tensors or variables."""
        if self.only_tensors:
            return list(tensors)
        placed = list(leaves)
        for position, tensor in zip(self.tensors, tensors):
            placed[position] = tensor
        return placed

    def read_tensors(self, leaves):
        """Return the tensors among leaves, variables by their value."""
        if not self.has_variables:
            return leaves if self.only_tensors else [leaves[position] for position in self.tensors]
        return [
            tf.convert_to_tensor(leaves[position]) if self.kinds[position] == VARIABLE else leaves[position]
            for position in self.tensors
        ]

    def pack(self, leaves):
        """Return (args, kwargs) with these leaves in place."""
        if not self._keywords:
            return leaves, {}
        n = self._n_positional
        return leaves[:n], dict(zip(self._keywords, leaves[n:]))

    def in_order(self, gradients):
        """Return what a backward returned; where that is a dict by the arguments' names, its values in their order."""
        if isinstance(gradients, dict) and set(gradients) == set(self._names):
            return [gradients[name] for name in self._names]
        return gradients

    def paths(self):
        """Return what to call each leaf in an error message."""
        return list(self._names)


class NestedLayout(Layout):
    """The layout of one call that has nested structures among its arguments."""

    def __init__(self, kinds, names, n_positional, packer):
        super().__init__(kinds, names, n_positional)
        self._packer = packer

    def key(self):
        return super().key() + (self._packer.text([str(kind) for kind in self.kinds]),)

    def leaves(self, values):
        return structure.leaves(values)

    def pack(self, leaves):
        return super().pack(self._packer(leaves))

    def paths(self):
        named = []
        for path in self._packer.paths():  # "[1]['w']": the second argument's entry 'w'
            index, _, rest = path[1:].partition("]")
            named.append(self._names[int(index)] + rest)
        return named


class Arguments:
    """Takes the arguments of one callable's calls apart."""

    def __init__(self, function, n_self=0):
        self.signature = signature_of(function)
        self._n_self = n_self  # leading parameters (a method's self) that are no leaves
        self._parameters = list(self.signature.parameters.values())[n_self:] if self.signature else []
        self._order = {parameter.name: index for index, parameter in enumerate(self._parameters)}
        self._layouts = {}

    def take_apart(self, args, kwargs):
        """Return (layout, values) of a call: the arguments, in the order of the signature.

        ``layout.leaves(values)`` takes them apart. Raises TypeError where they do not fit the signature.
        """
        values, names = list(args), ()
        if kwargs:
            names = tuple(sorted(kwargs, key=self._place))
            values += [kwargs[name] for name in names]
        layout = self._layouts.get((tuple(map(type, values)), names))  # unless nested, their types tell the shape
        if layout is None:
            shape = (tuple(map(_shape, values)), names)
            layout = self._layouts.get(shape) or self._lay_out(shape, values, args, kwargs)
        return layout, values

    def fit(self, function, own, args, kwargs):
        """Return (args, kwargs) for another function: without those of the signature's defaults that it does not take.

        tf.function passes a parameter's default on as if the caller had written it. Raises TypeError where the
        arguments do not fit even so; own are what stands before args (a method's self).
        """
        signature = signature_of(function)
        if signature is None or _binds(signature, own, args, kwargs):
            return args, kwargs
        wanted = len(args)
        while wanted and wanted <= len(self._parameters) and args[wanted - 1] is self._parameters[wanted - 1].default:
            wanted -= 1
        needed = {
            name: value
            for name, value in kwargs.items()
            if not (name in self._order and value is self._parameters[self._order[name]].default)
        }
        if not _binds(signature, own, args[:wanted], needed):
            signature.bind(*own, *args, **kwargs)  # says what does not fit
        return args[:wanted], needed

    def _lay_out(self, shape, values, args, kwargs):
        if self.signature is not None:
            self.signature.bind(*((None,) * self._n_self + tuple(args)), **kwargs)
        kinds, names = [_kind(value) for value in values], self._positional_names(len(args)) + shape[1]
        if NESTED not in kinds:
            layout = Layout(kinds, names, len(args))
        else:
            leaves, packer = structure.flatten(values)
            kinds = [PLAIN if kind == NESTED else kind for kind in map(_kind, leaves)]
            layout = NestedLayout(kinds, names, len(args), packer)
        if None not in shape[0]:  # otherwise the next call of this shape may have something else in it
            self._layouts[shape] = layout
        return layout

    def _place(self, keyword):
        return self._order.get(keyword, len(self._order)), keyword

    def _positional_names(self, count):
        names = [p.name for p in self._parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][:count]
        rest = next((p.name for p in self._parameters if p.kind == p.VAR_POSITIONAL), "args")
        names += ["{}[{}]".format(rest, index) for index in range(count - len(names))]
        return tuple(names)


def _binds(signature, own, args, kwargs):
    try:
        signature.bind(*own, *args, **kwargs)
    except TypeError:
        return False
    return True


def signature_of(function):
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # some builtins and extension types tell none
        return None
