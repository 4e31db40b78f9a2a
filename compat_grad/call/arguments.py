"""From a call's arguments to its flat leaves: which of them are tensors, what they are called, and the way back.

What can be known from the types of the arguments, the structures that they are in and the names of the keywords (a
`Layout`) is worked out once for each such call shape and reused. Knows nothing of strategies or gradients.
"""

import functools

from compat_grad import _tf
from compat_grad._tf import tf
from compat_grad.call import structure
from compat_grad.call.hidden import may_hide_tensors
from compat_grad.call.signature import MISSING, Form, Signature, binds, form_of_names, signature_of

# What an argument is to an override, by its type alone.
EAGER, GRAPH, VARIABLE = "eager tensor", "graph tensor", "variable"
KERAS, PLAIN = "Keras symbolic tensor", "plain value"
DIFFERENTIABLE = frozenset((EAGER, GRAPH, VARIABLE))
_KINDS = {}  # type -> kind; as many entries as the program has types of arguments
MOST = 256  # layouts kept; lists of ever new lengths, and dicts of ever new keys, are call shapes too


def _kind(cls):
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
    return PLAIN


class Layout:
    """How the tensors of one call shape lie in its arguments.

    A composite tensor is one *leaf*, and as many *parts* as it has tensors; every other leaf is a part itself.
    Strategies see parts, the user's backward sees leaves. Here all are parts, and all values leaves.

    Attributes:
      form: which parameters are passed.
      kinds: what each part is, in the order of forward's signature.
      tensors: the positions of the parts that gradients are asked for: tensors and variables.
      nothing: None for each of them.
      leaves: the skeleton of each leaf.
      tensor_leaves: the positions of the leaves that a backward returns gradients of.
      has_composites: whether some leaves have several parts.
      hiding: the positions of the parts that may hold tensors where nobody sees them.
      checked: whether a call of this shape has passed all checks; set by who checks.
      call: what is worked out once for a call shape without plain values; set by who works it out.
    """

    def __init__(self, form, skeletons, types):
        self.form = form
        self.kinds = kinds = [_kind(cls) for cls in types]
        self.tensors = tuple([index for index, kind in enumerate(kinds) if kind in DIFFERENTIABLE])
        self.nothing = [None] * len(self.tensors)
        self.leaves = skeletons
        self.tensor_leaves = self.tensors
        self.has_composites = False
        self.only_tensors = len(self.tensors) == len(kinds)
        self.has_graph_tensors = GRAPH in kinds
        self.has_keras_tensors = KERAS in kinds
        self.has_variables = VARIABLE in kinds
        self.hiding = [index for index, cls in enumerate(types) if kinds[index] == PLAIN and may_hide_tensors(cls)]
        self.checked = False  # whether a call of this shape has gone all the way
        self.call = None
        self._skeletons = skeletons
        self._given = [(place, name) for place, name in form.filled if self._holds_tensors(skeletons[place])]
        self._by_position = not form.keywords and not self._given
        self._just_tensors = self.only_tensors and self._by_position
        self.needs_reading = self.has_variables or not self.only_tensors
        self.needs_a_look = bool(self.hiding or self.has_keras_tensors or self.has_graph_tensors)

    @staticmethod
    def _holds_tensors(skeleton):
        return any(_kind(cls) in DIFFERENTIABLE for cls in structure.part_types(structure.leaf_skeletons(skeleton)))

    def key(self):
        """Return what is equal for the same layouts only."""
        return self.form.key, self._skeletons

    def call_with(self, parts, tensors):
        """Return (args, kwargs) for forward, with these tensors in place among parts: see `pack`."""
        if self._just_tensors:
            return tensors, {}
        return self.pack(self.place(parts, tensors))

    def place(self, parts, tensors):
        """Return parts with these tensors where the caller passed tensors or variables."""
        if self.only_tensors:
            return list(tensors)
        placed = list(parts)
        for position, tensor in zip(self.tensors, tensors):
            placed[position] = tensor
        return placed

    def read_tensors(self, parts):
        """Return the tensors among parts, variables by their value."""
        if not self.has_variables:
            return parts if self.only_tensors else [parts[position] for position in self.tensors]
        return [
            tf.convert_to_tensor(parts[position]) if self.kinds[position] == VARIABLE else parts[position]
            for position in self.tensors
        ]

    # --- for forward: the arguments with parts in place -------------------------------------------------------

    def pack(self, parts):
        """Return (args, kwargs) with these parts in place: as passed, and with the defaults that hold tensors.

        Those are tensors that gradients are asked for, so forward gets them as it gets the others.
        """
        values = self._values_of_parts(parts)
        if self._by_position:
            return values, {}
        args, kwargs = self._as_passed(values)
        for place, name in self._given:
            if name is None:
                args = values[: place + 1]
            else:
                kwargs[name] = values[place]
        return args, kwargs

    def _as_passed(self, values):
        n = self.form.n_positional
        return values[:n], {name: values[place] for place, name in self.form.keywords}

    def pack_as_passed(self, parts):
        """Return (args, kwargs) as passed, with these parts in place."""
        return self._as_passed(self._values_of_parts(parts))

    def _values_of_parts(self, parts):
        return parts

    # --- for the user's backward: the arguments with leaves in place --------------------------------------------

    def leaves_of(self, parts, tensors):
        """Return the leaves that are made of parts, with these tensors where the caller passed some."""
        return list(tensors) if self.only_tensors else self.place(parts, tensors)

    def as_passed(self, leaves):
        """Return (args, kwargs) as passed, with these leaves in place."""
        args, kwargs = self._as_passed(self._values_of_leaves(leaves))
        return tuple(args), kwargs

    def by_parameter(self, leaves):
        """Return {parameter: value}, all defaults filled in, with these leaves in place."""
        return self.form.by_parameter(self._values_of_leaves(leaves))

    def _values_of_leaves(self, leaves):
        return leaves

    # --- what a backward returned -----------------------------------------------------------------------------

    def paths(self):
        """Return what to call each leaf in an error message."""
        return list(self.form.names)

    def paths_of_parts(self):
        """Return what to call the leaf that each part belongs to."""
        return [path for path, leaf in zip(self.paths(), self.leaves) for _ in structure.part_types([leaf])]

    def gradients(self, returned):
        """Return what a backward returned for each of `tensor_leaves`; a list of another length where it does not fit.

        It is one gradient for each of those, or for each leaf, or in the structure of the arguments: the values in
        their order, or by the parameters' names, or ``(args, kwargs)``; there, None is for all in its place, and what
        holds no tensor may be left out.

        Raises:
          WrongNames: it has names that are not those of the arguments.
        """
        found = self._in_structure(self._by_name(returned))  # before the rest: its order is not that of the leaves
        if found is None:
            named, flat = structure.has_names(returned), structure.leaves_of(returned)
            if not named and len(flat) == len(self.tensor_leaves):
                return flat
            in_order = not named and len(flat) == len(self.leaves)
            found = flat if in_order else self._in_structure(self._by_place(returned))
            if found is None and named:
                raise WrongNames(structure.described(returned))
            if found is None:
                return flat
        return [found[position] for position in self.tensor_leaves]

    def _by_place(self, returned):
        n_values = len(self._skeletons)
        if returned is None:
            return [None] * n_values
        if isinstance(returned, (list, tuple)):
            if len(returned) == n_values:
                return returned
            having = list(map(self._holds_tensors, self._skeletons))
            if len(returned) == sum(having):
                given = iter(returned)
                return [next(given) if has else None for has in having]
        return [returned] if n_values == 1 else None

    def _by_name(self, returned):
        if isinstance(returned, dict):
            return self.form.in_order(returned)
        keywords = self.form.keywords
        if not keywords or not isinstance(returned, (list, tuple)) or len(returned) != 2:
            return None
        args, kwargs = returned
        n, names = self.form.n_positional, {name for _, name in keywords}
        if (
            not isinstance(args, (list, tuple))
            or len(args) != n
            or not isinstance(kwargs, dict)
            or set(kwargs) != names
        ):
            return None
        return list(args) + [kwargs.get(name, MISSING) for name in self.form.names[n:]]

    def _in_structure(self, values):
        """Return what values have for each leaf; None where they are not in the structure of the arguments."""
        if values is None:
            return None
        leaves = []
        for skeleton, value in zip(self._skeletons, values):
            if value is MISSING:
                if self._holds_tensors(skeleton):
                    return None
                value = None
            if not structure.spread(skeleton, value, leaves, self._holds_tensors):
                return None
        return leaves


class WrongNames(Exception):
    """What a backward returned, in words, has other names than the arguments."""


class NestedLayout(Layout):
    """The layout of one call shape that has containers or composite tensors among its arguments."""

    def __init__(self, form, skeletons):
        leaves = [leaf for skeleton in skeletons for leaf in structure.leaf_skeletons(skeleton)]
        super().__init__(form, skeletons, structure.part_types(leaves))
        self.leaves = leaves
        self.tensor_leaves = [index for index, leaf in enumerate(leaves) if self._holds_tensors(leaf)]
        self.has_composites = not all(isinstance(leaf, type) for leaf in leaves)
        self._just_tensors = False
        self._builders = [structure.builder(skeleton) for skeleton in skeletons]
        self._builders_of_wholes = [structure.builder(skeleton, whole=True) for skeleton in skeletons]

    def _values_of_parts(self, parts):
        parts = iter(parts)
        return [build(parts) for build in self._builders]

    def _values_of_leaves(self, leaves):
        leaves = iter(leaves)
        return [build(leaves) for build in self._builders_of_wholes]

    def leaves_of(self, parts, tensors):
        placed = self.place(parts, tensors)
        return structure.join(self.leaves, placed) if self.has_composites else placed

    def paths(self):
        named = zip(self.form.names, self._skeletons)
        return [path for name, skeleton in named for path in structure.paths(skeleton, name)]


class Arguments:
    """Takes the arguments of one callable's calls apart."""

    def __init__(self, function, n_self, title):
        self._title = title  # how error messages call the function
        self._signature = Signature(function, n_self)
        self.signature = self._signature.whole
        self._forms = {}  # (number of positional arguments, keywords as they came) -> Form
        self._layouts = {}  # skeletons of the values, behind the form of calls with keywords -> Layout
        self._fits = {}  # form -> whether the function that calls are fitted to takes them as they are

    def take_apart(self, args, kwargs):
        """Return (layout, parts) of a call.

        Raises TypeError where the arguments do not fit the signature.
        """
        if not kwargs:
            layout = self._layouts.get(tuple(map(type, args)))  # what is not nested is its own skeleton
            if layout is not None:
                return layout, list(args)
        try:
            return self._take_apart(args, kwargs)
        except TypeError as error:
            raise TypeError("{}: {}".format(self._title, error)) from None

    def _take_apart(self, args, kwargs):
        form = self._form(args, kwargs)
        if not kwargs:
            return self._take_values_apart(form, args, ())
        values = form.values(args, kwargs)
        layout = self._layouts.get((form, *map(type, values)))
        if layout is not None:
            return layout, values
        return self._take_values_apart(form, values, (form,))

    def _form(self, args, kwargs):
        key = (len(args), *kwargs)
        form = self._forms.get(key)
        if form is None:
            self._signature.check(args, kwargs)
            form = self._forms[key] = Form(self._signature, len(args), kwargs)
        return form

    def _take_values_apart(self, form, values, prefix):
        parts = []
        skeletons = tuple([structure.take_apart(value, parts) for value in values])
        try:
            layout = self._layouts.get(prefix + skeletons)
        except TypeError:  # something that says itself how it is taken apart is not hashable without its leaves
            return NestedLayout(form, skeletons), parts
        if layout is None:
            if len(self._layouts) >= MOST:
                for remembered in (self._layouts, self._forms, self._fits):
                    remembered.clear()
            flat = all(isinstance(skeleton, type) for skeleton in skeletons)
            layout = Layout(form, skeletons, skeletons) if flat else NestedLayout(form, skeletons)
            self._layouts[prefix + skeletons] = layout
        return layout, parts

    def fit(self, function, own, form, args, kwargs):
        """Return (args, kwargs) for one other function: without the defaults among them that it does not take.

        tf.function passes a parameter's default on as if the caller had written it. Raises TypeError where the
        arguments do not fit even so.

        Args:
          own: what stands before args (a method's self).
          form: that of the call.
        """
        if form not in self._fits:
            signature = signature_of(function)
            self._fits[form] = signature is None or binds(signature, (*own, *args), kwargs)
        if self._fits[form]:
            return args, kwargs
        signature, defaults = signature_of(function), self._signature.defaults
        names = [one.name for one in self._signature.positional]
        wanted = len(args)
        while wanted and wanted <= len(names) and args[wanted - 1] is defaults.get(names[wanted - 1], MISSING):
            wanted -= 1
        needed = {name: value for name, value in kwargs.items() if value is not defaults.get(name, MISSING)}
        if not binds(signature, (*own, *args[:wanted]), needed):
            signature.bind(*own, *args, **kwargs)  # says what does not fit
        return args[:wanted], needed


@functools.lru_cache(maxsize=1024)  # ops that are executed are named by their type: the same ones in every step
def layout_of_tensors(names):
    """Return the layout of a call with graph tensors of these names only, a tuple."""
    types = (tf.Tensor,) * len(names)
    return Layout(form_of_names(names), types, types)
