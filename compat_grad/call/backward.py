"""The user's backward function: how it is called, what it may return, and the words when it is wrong.

A `BackwardCall` is one call's vector-Jacobian product as a pure function of the call's inputs, outputs and output
gradients: it holds no tensor of the call, so a graph can carry it without being kept alive by it. Knows nothing
of strategies, tapes or graphs.
"""

import functools

import numpy as np

from compat_grad import _tf
from compat_grad._tf import tf
from compat_grad.call import structure
from compat_grad.call.arguments import WrongNames
from compat_grad.call.arity import Takes
from compat_grad.call.composites import WrongCount, join_gradients, split_gradient
from compat_grad.call.explain import explain
from compat_grad.call.overridden_op import OverriddenOp
from compat_grad.call.signature import is_method
from compat_grad.call.traced import alive
from compat_grad.call.variables import lasting_values
from compat_grad.saving import told


class Backward:
    """What an override does in the backward pass: the user's function, under the name of the override.

    Attributes:
      forward: the function that is overridden; None for an op.
      takes_variables: whether it has a keyword ``variables``.
      accepts_indexed_slices: whether it says so, by an attribute of that name; otherwise it is handed dense tensors.
      ready: the backward function where it is one that need not be looked up or bound; otherwise None.
    """

    def __init__(self, name, function, forward=None):
        self.name = name
        self.forward = forward
        self._function = function
        self._is_name = isinstance(function, str)
        self._is_method = is_method(function)
        self.ready = None if self._is_name or self._is_method else function
        self._takes = None if self._is_name else Takes(function)
        self.takes_variables = not self._is_name and self._takes.variables
        self._fitting = set()  # (how many output gradients, whether with variables); as many as forward returns
        self.accepts_indexed_slices = getattr(function, "accepts_indexed_slices", False)

    def function(self, own=()):
        """Return the backward function; raises ValueError where it is a name that is not registered.

        Args:
          own: the object whose method forward is, in a tuple: a backward that was defined in its class is its method.
        """
        if self.ready is not None:
            return self.ready
        if not self._is_name:
            return functools.partial(self._function, *alive(own)) if own else self._function
        try:
            registered = _tf.registered_gradient(self._function)
        except LookupError:
            raise ValueError(
                "{}: no gradient is registered as {!r}. Register it with tf.RegisterGradient({!r}) (in TensorFlow 2 "
                "also tf.compat.v1.RegisterGradient) before the first call, or pass the function itself as "
                "backward.".format(self.title(), self._function, self._function)
            ) from None
        self.accepts_indexed_slices = getattr(registered, "accepts_indexed_slices", False)
        return registered or _not_differentiable

    def check_convention(self):
        """Raise TypeError unless backward, where it is a function, can be called as (op, *output_grads)."""
        if not self._is_name:
            self._takes.check_convention(self.title(), "backward")

    def check_takes(self, n_gradients, variables, own):
        """Raise TypeError unless backward can be called with so many output gradients and these variables."""
        case = n_gradients, bool(variables)
        if case not in self._fitting:
            takes = self._takes if self.ready is not None else Takes(self.function(own))
            what = "the gradient registered as {!r}".format(self._function) if self._is_name else "backward"
            takes.check_call(n_gradients, variables, self.title(), what)
            self._fitting.add(case)

    def check_takes_any(self, variables):
        """Raise ValueError, naming these variables that forward captured, unless backward takes variables."""
        if self.takes_variables:
            return
        error = ValueError(
            "{}: forward uses the trainable variable{} {}, which would get no gradient. Let backward take a keyword "
            "`variables` and return (input_grads, variable_grads), or pass {} as an argument of forward.".format(
                self.title(),
                "s" if len(variables) > 1 else "",
                ", ".join(repr(variable.name) for variable in variables),
                "them" if len(variables) > 1 else "it",
            )
        )
        error.captured_variables = variables  # a Keras layer has other advice
        raise error

    def title(self):
        return "override_gradient {!r}".format(self.name)


class BackwardCall:
    """One call of an override as its vector-Jacobian product.

    Attributes:
      rule, name: the `Backward`, and what it is called.
      layout, parts: the call's arguments; the parts with None where they are tensors.
      variables: the trainable variables that forward captured; what `read_values` makes of them, n_values tensors,
        stands behind the call's tensors in ``inputs``.
      composites: where there are composite tensors among the outputs, what `join_gradients` must know.
      own: the object whose method the override is, in a tuple.
    """

    __slots__ = ("rule", "name", "layout", "parts", "variables", "n_values", "composites", "own", "__weakref__")

    def __init__(self, rule, layout, parts, variables=(), n_values=0, composites=None, own=()):
        self.rule = rule
        self.name = rule.name
        self.layout = layout
        self.parts = parts
        self.variables = variables
        self.n_values = n_values
        self.composites = composites
        self.own = own

    @property
    def n_inputs(self):
        return len(self.layout.tensors) + self.n_values

    def input_gradients(self, inputs, outputs, output_gradients, op_name):
        """Return a checked gradient (a tensor, IndexedSlices or None) for each of inputs.

        Args:
          inputs: the tensors that the caller passed, then what `read_values` made of the captured variables.
          outputs: the overridden output tensors.
          output_gradients: one for each output; None where the output was not used.
          op_name: what op.name shall say.
        """
        n_tensors = len(self.layout.tensors)
        tensors, outputs = inputs[:n_tensors], list(outputs)
        function = self.rule.ready or self.rule.function(self.own)
        gradients, wholes = output_gradients, outputs
        if not _tf.complete(gradients, outputs):
            slices = self.rule.accepts_indexed_slices
            gradients = [_complete(gradient, output, slices) for gradient, output in zip(gradients, outputs)]
        if self.composites is not None:
            gradients = join_gradients(self.composites, outputs, gradients)
            wholes = structure.join(self.composites, outputs)
        leaves = self.layout.leaves_of(self.parts, tensors)
        op = self.make_op(leaves, wholes, op_name, (tensors, outputs))
        if self.variables:
            op.variables = lasting_values(self.variables, inputs[n_tensors:])
        try:
            if self.variables:
                returned = function(op, *gradients, variables=list(self.variables))
            else:
                returned = function(op, *gradients)
        except Exception as error:
            error = explain(error, self.rule.title(), self._convention(len(gradients)))
            raise error
        if not self.variables:
            return self._match(returned, inputs)
        if not isinstance(returned, (list, tuple)) or len(returned) != 2:
            raise ValueError(
                "{}: forward captures variables ({}), so backward must return the pair (input_grads, "
                "variable_grads); it returned {}.".format(
                    self.rule.title(), _names(self.variables), _describe(returned)
                )
            )
        of_inputs = self._match(returned[0], inputs[:n_tensors])
        n_variables = len(self.variables)
        of_variables = self._match_variables(returned[1], inputs[n_tensors : n_tensors + n_variables])
        return of_inputs + of_variables + [None] * (self.n_values - n_variables)

    def tell(self):
        """Return what another process that defines the override again needs to know of this call."""
        if self.own:
            return told.tell_nothing(self.name, "an object whose method it is")
        if self.composites is not None or self.layout.has_composites:
            return told.tell_nothing(self.name, "a composite tensor")
        inputs = [told.Input(index) for index in range(len(self.layout.tensors))]
        args, kwargs = self.layout.pack_as_passed(self.layout.place(self.parts, inputs))
        return told.tell_backward(self.name, args, kwargs, len(self.variables), self.n_values)

    def make_op(self, leaves, outputs, op_name, parts):
        """Return the ``op`` that backward is handed; parts: the tensors that leaves, and those that outputs have."""
        return OverriddenOp(self, leaves, outputs, op_name, parts)

    def _convention(self, n_gradients):
        """Return, for an exception, what backward is and how it is called."""
        return "backward, which is called as (op, *output_grads), here with {} gradient{}{}".format(
            n_gradients, "" if n_gradients == 1 else "s", ", and variables" if self.variables else ""
        )

    def _match(self, returned, inputs):
        """Return the gradients that backward returned, one checked gradient for each of inputs."""
        if type(returned) in (list, tuple) and self._all_fit(returned, inputs):
            return list(returned)
        is_one = len(inputs) == 1 and _tf.is_tensor_type(type(returned))
        gradients = [returned] if is_one else self._in_order(returned)
        if self._all_fit(gradients, inputs):
            return gradients
        if len(gradients) != len(self.layout.tensor_leaves):
            paths = self.layout.paths()
            names = [paths[position] for position in self.layout.tensor_leaves]
            raise ValueError(self._wrong_count(gradients, names, "gradients", "tensors"))
        if self.layout.has_composites:
            gradients = self._split(gradients, inputs)
        return [
            self._match_one(gradient, tensor, index, self._input_names)
            for index, (gradient, tensor) in enumerate(zip(gradients, inputs))
        ]

    def _all_fit(self, gradients, inputs):
        return not self.layout.has_composites and _tf.all_fit(gradients, inputs)

    def _in_order(self, returned):
        try:
            return self.layout.gradients(returned)
        except WrongNames as error:
            raise ValueError(
                "{}: backward returned {}, whose names are not those of the arguments: {}. Return the gradients under "
                "the same names, or in this order.".format(
                    self.rule.title(), error, ", ".join(self.layout.paths()) or "none"
                )
            ) from None

    def _split(self, gradients, inputs):
        """Return a gradient for each of inputs, the parts of composite tensors among them."""
        split = []
        for position, gradient in zip(self.layout.tensor_leaves, gradients):
            leaf = self.layout.leaves[position]
            if isinstance(leaf, type):
                split.append(gradient)
                continue
            try:
                split.extend(split_gradient(leaf, gradient, inputs[len(split) : len(split) + leaf.n_parts]))
            except WrongCount as error:
                raise ValueError(
                    "{}: backward returned {} for input {!r}: {}. Return a {} like the input, with the gradients in "
                    "the places of its values.".format(
                        self.rule.title(), _describe(gradient), self.layout.paths()[position], error, leaf.cls.__name__
                    )
                ) from None
        return split

    def _match_variables(self, returned, values):
        if structure.has_names(returned):
            raise ValueError(
                "{}: backward returned its variable gradients as {}. Return a list of them, in the order of "
                "`variables`: {}.".format(
                    self.rule.title(), structure.described(returned), ", ".join(self._variable_names())
                )
            )
        gradients = structure.leaves_of(returned)
        if len(gradients) != len(values):
            raise ValueError(
                self._wrong_count(gradients, self._variable_names(), "variable gradients", "captured variables")
            )
        return [
            self._match_one(gradient, value, index, self._variable_names)
            for index, (gradient, value) in enumerate(zip(gradients, values))
        ]

    def _match_one(self, gradient, tensor, index, names):
        if gradient is None or not _tf.differentiable(tensor):
            return None
        if _tf.is_tensor_type(type(gradient)):
            agree = _tf.same_dtype_and_shape(gradient, tensor)
        elif isinstance(gradient, _tf.IndexedSlices):
            gradient = _tf.with_own_indices(gradient, tensor.dtype.base_dtype)
            agree = gradient.dtype.base_dtype == tensor.dtype.base_dtype and _tf.slices_fit(gradient, tensor)
        else:
            gradient = self._as_tensor(gradient, tensor.dtype.base_dtype, names()[index])
            agree = _tf.same_dtype_and_shape(gradient, tensor)
        if not agree:
            raise ValueError(self._wrong_type(gradient, tensor, names()[index]))
        return gradient

    def _input_names(self):
        paths = self.layout.paths_of_parts()
        return [paths[position] for position in self.layout.tensors]

    def _variable_names(self):
        return [variable.name for variable in self.variables]

    def _wrong_count(self, gradients, names, what, of):
        return (
            "{}: backward returned {} {}, but forward has {} {}: {}. Return one for each, in this order, None where "
            "there is none.".format(self.rule.title(), len(gradients), what, len(names), of, ", ".join(names) or "none")
        )

    def _wrong_type(self, gradient, tensor, name):
        found, wanted = gradient.dtype.base_dtype, tensor.dtype.base_dtype
        if found != wanted:
            return (
                "{}: backward returned a gradient of dtype {} for input {!r}, which is {}. Cast it with "
                "tf.cast.".format(self.rule.title(), found.name, name, wanted.name)
            )
        return (
            "{}: backward returned a gradient of shape {} for input {!r}, which has shape {}. The gradient of an input "
            "has the input's shape (reduce over broadcast axes).".format(
                self.rule.title(), _tf.shape_text(gradient), name, tensor.shape
            )
        )

    def _as_tensor(self, gradient, dtype, name):
        if _tf.is_variable_type(type(gradient)):
            return tf.convert_to_tensor(gradient)
        value = np.asarray(gradient)
        if value.dtype.kind not in "biufc" or (value.dtype.kind == "c" and not dtype.is_complex):
            raise ValueError(
                "{}: backward returned {} for input {!r}, which is not a gradient. Return a tensor of dtype {}, "
                "tf.IndexedSlices, a number, a NumPy array or None.".format(
                    self.rule.title(), _describe(gradient), name, dtype.name
                )
            )
        return tf.constant(value.astype(dtype.as_numpy_dtype))


def _complete(gradient, output, accepts_indexed_slices):
    if not _tf.differentiable(output):
        return None
    if gradient is None:
        return tf.zeros_like(output)
    if type(gradient) is _tf.IndexedSlices and not accepts_indexed_slices:
        return _tf.dense(gradient, output)
    return gradient


def _not_differentiable(op, *output_gradients):
    return [None] * len(op.inputs)


def _names(variables):
    return ", ".join(variable.name for variable in variables)


def _describe(value):
    text = repr(value)
    return "{} ({})".format(text if len(text) < 80 else text[:77] + "...", type(value).__name__)
