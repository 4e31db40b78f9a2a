"""The user's backward function: what it is handed, what it may return, and the words when it is wrong.

A `BackwardCall` is one call's vector-Jacobian product as a pure function of the call's inputs, outputs and output
gradients: it holds no tensor of the call, so a graph can carry it without being kept alive by it. Knows nothing
of strategies, tapes or graphs.
"""

import numpy as np

from compat_grad import _tf
from compat_grad._tf import tf
from compat_grad.call import structure
from compat_grad.call.arguments import signature_of
from compat_grad.call.arity import check_call
from compat_grad.call.explain import explain
from compat_grad.call.variables import lasting_values


class OverriddenOp:
    """The ``op`` that a backward function receives, in ``tf.RegisterGradient``'s convention.

    Attributes:
      inputs: list with one entry for each leaf that the caller passed, flat, in the order of forward's signature:
        the tensor where it was a tensor or a variable, the plain value elsewhere.
      outputs: list of the overridden output tensors, flat. Differentiating through them uses the override again.
      variables: list of the values that forward used of the trainable variables that it captured: tensors, in the
        order of ``variables``, whatever has been assigned meanwhile.
      args, kwargs: the call's arguments in their structure, with the tensors in place.
      name: the name of the op in the graph; in eager mode the name of the override.
      type: the name of the override.
    """

    def __init__(self, call, leaves, outputs, name):
        self._layout = call.layout
        self.inputs = leaves
        self.outputs = outputs
        self.variables = []
        self.name = name
        self.type = call.rule.name

    @property
    def args(self):
        return tuple(self._layout.pack(self.inputs)[0])

    @property
    def kwargs(self):
        return self._layout.pack(self.inputs)[1]

    def __getattr__(self, name):
        raise AttributeError(
            "override_gradient {!r}: the op of a whole function is no tf.Operation and has no {!r}; it has op.inputs, "
            "op.outputs, op.args, op.kwargs, op.name and op.type. An op-level override, "
            "override_gradient(forward, {{'OpType': backward}}), is handed the operation itself.".format(
                self.type, name
            )
        )

    def __repr__(self):
        return "<op of the override {!r}: {} inputs, {} outputs>".format(self.type, len(self.inputs), len(self.outputs))


class Backward:
    """What an override does in the backward pass: the user's function, under the name of the override.

    Attributes:
      takes_variables: whether it has a keyword ``variables``.
      accepts_indexed_slices: whether it says so, by an attribute of that name; otherwise it is handed dense tensors.
    """

    def __init__(self, name, function):
        self.name = name
        self._function = function
        self.takes_variables = not isinstance(function, str) and _takes_variables(function)
        self._fitting = set()  # (how many output gradients, whether with variables); as many as forward returns
        self.accepts_indexed_slices = getattr(function, "accepts_indexed_slices", False)

    def function(self):
        """Return the backward function; raises ValueError where it is a name that is not registered."""
        if not isinstance(self._function, str):
            return self._function
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

    def check_takes(self, n_gradients, variables):
        """Raise TypeError unless backward can be called with so many output gradients and these variables."""
        case = n_gradients, bool(variables)
        if case not in self._fitting:
            what = "backward"
            if isinstance(self._function, str):
                what = "the gradient registered as {!r}".format(self._function)
            check_call(self.function(), n_gradients, variables, self.title(), what)
            self._fitting.add(case)

    def title(self):
        return "override_gradient {!r}".format(self.name)


class BackwardCall:
    """One call of an override as its vector-Jacobian product.

    Attributes:
      rule: the `Backward`.
      layout, leaves: the call's arguments; the leaves with None where they are tensors.
      variables: the trainable variables that forward captured; what `read_values` makes of them, n_values tensors,
        stands behind the call's tensors in ``inputs``.
    """

    __slots__ = ("rule", "layout", "leaves", "variables", "n_values", "__weakref__")

    def __init__(self, rule, layout, leaves, variables=(), n_values=0):
        self.rule = rule
        self.layout = layout
        self.leaves = leaves
        self.variables = variables
        self.n_values = n_values

    @property
    def name(self):
        return self.rule.name

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
        leaves = self.layout.place(self.leaves, inputs[:n_tensors])
        op = self.make_op(leaves, list(outputs), op_name)
        if self.variables:
            op.variables = lasting_values(self.variables, inputs[n_tensors:])
        function = self.rule.function()
        slices = self.rule.accepts_indexed_slices
        gradients = [_complete(gradient, output, slices) for gradient, output in zip(output_gradients, outputs)]
        keywords = {"variables": list(self.variables)} if self.variables else {}
        try:
            returned = function(op, *gradients, **keywords)
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

    def make_op(self, leaves, outputs, op_name):
        """Return the ``op`` that backward is handed."""
        return OverriddenOp(self, leaves, outputs, op_name)

    def _convention(self, n_gradients):
        """Return, for an exception, what backward is and how it is called."""
        return "backward, which is called as (op, *output_grads), here with {} gradient{}{}".format(
            n_gradients, "" if n_gradients == 1 else "s", ", and variables" if self.variables else ""
        )

    def _match(self, returned, inputs):
        """Return the gradients that backward returned, one checked gradient for each of inputs."""
        if len(inputs) == 1 and _tf.is_tensor_type(type(returned)):
            gradients = [returned]
        else:
            gradients = structure.flatten_gradients(self.layout.in_order(returned))
        if len(gradients) == len(self.leaves) != len(inputs):
            gradients = [gradients[position] for position in self.layout.tensors]
        if len(gradients) != len(inputs):
            raise ValueError(self._wrong_count(gradients, self._input_names(), "gradients", "tensors"))
        return [
            self._match_one(gradient, tensor, index, self._input_names)
            for index, (gradient, tensor) in enumerate(zip(gradients, inputs))
        ]

    def _match_variables(self, returned, values):
        gradients = structure.flatten_gradients(returned)
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
            gradient = _tf.with_own_indices(gradient)
            agree = gradient.dtype.base_dtype == tensor.dtype.base_dtype and _tf.slices_fit(gradient, tensor)
        else:
            gradient = self._as_tensor(gradient, tensor.dtype.base_dtype, names()[index])
            agree = _tf.same_dtype_and_shape(gradient, tensor)
        if not agree:
            raise ValueError(self._wrong_type(gradient, tensor, names()[index]))
        return gradient

    def _input_names(self):
        paths = self.layout.paths()
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


def _takes_variables(function):
    signature = signature_of(function)
    return signature is not None and any(
        parameter.name == "variables" or parameter.kind == parameter.VAR_KEYWORD
        for parameter in signature.parameters.values()
    )


def _not_differentiable(op, *output_gradients):
    return [None] * len(op.inputs)


def _names(variables):
    return ", ".join(variable.name for variable in variables)


def _describe(value):
    text = repr(value)
    return "{} ({})".format(text if len(text) < 80 else text[:77] + "...", type(value).__name__)
