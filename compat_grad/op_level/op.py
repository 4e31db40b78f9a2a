"""One op with another gradient: what its gradient function is handed, and what it may return."""

from compat_grad import _tf
from compat_grad.call.arguments import layout_of_tensors
from compat_grad.call.backward import BackwardCall
from compat_grad.call.op import Op


class OpCall(BackwardCall):
    """The vector-Jacobian product of one op."""

    __slots__ = ("_op",)

    def __init__(self, rule, op):
        names = ["inputs[{}] of the {} op {!r}".format(index, op.type, op.name) for index in range(len(op.inputs))]
        super().__init__(rule, layout_of_tensors(tuple(names)), [None] * len(names))
        self._op = op

    def tell(self):
        return ""  # the gradient of single ops has a name that says all: see `OpGradient`

    def make_op(self, leaves, outputs, op_name, parts):
        return OverriddenOpOfGraph(self._op, leaves, outputs, op_name)

    def _match_one(self, gradient, tensor, index, names):
        if _tf.is_handle(tensor):  # of a variable: its gradient is one of the variable's value
            if isinstance(gradient, _tf.IndexedSlices):
                return _tf.with_own_indices(gradient, gradient.dtype.base_dtype)
            return gradient
        return super()._match_one(gradient, tensor, index, names)


class OverriddenOpOfGraph(Op):
    """The ``op`` that a gradient function of an op-level override receives: the ``tf.Operation`` itself, and more.

    Attributes:
      inputs, outputs: lists of tensors.
      name, type: those of the op in the graph.
    """

    def __init__(self, op, inputs, outputs, name):
        self._op = op
        self.inputs = inputs
        self.outputs = outputs
        self.name = name
        self.type = op.type

    def get_attr(self, name):
        """Return the value of an attribute of the op, such as ``op.get_attr("ksize")``; ValueError for no attribute."""
        return self._op.get_attr(name)

    def native_gradient(self, *output_gradients):
        """Return TensorFlow's own gradient of this op: a list with a tensor, IndexedSlices or None for each input.

        Raises:
          LookupError: TensorFlow has no gradient for this type of op.
        """
        function = _tf.registered_gradient(self.type)
        if function is None:  # registered as not differentiable
            return [None] * len(self.inputs)
        gradients = function(self, *output_gradients)
        return list(gradients) if isinstance(gradients, (list, tuple)) else [gradients]

    def __getattr__(self, name):
        return getattr(self._op, name)  # node_def, graph, device, ...

    def __repr__(self):
        return repr(self._op)
