"""What a backward of a whole function is handed as its ``op``.

Made anew for each call of backward; knows nothing of what that returns, nor of strategies, tapes or graphs.
"""

from compat_grad.call.native import native_gradients
from compat_grad.call.op import Op
from compat_grad.call.traced import alive


class OverriddenOp(Op):
    """The ``op`` that a backward function receives, in ``tf.RegisterGradient``'s convention.

    Attributes:
      inputs: list with one entry for each leaf of each parameter of forward's signature, up to and including the last
        that the caller passed, defaults filled in: the tensor where it was a tensor or a variable, a composite tensor
        whole, the plain value elsewhere.
      outputs: list of the overridden outputs, flat. Differentiating through them uses the override again.
      variables: list of the values that forward used of the trainable variables that it captured: tensors, in the
        order of ``variables``, whatever has been assigned meanwhile.
      args, kwargs: the arguments as the caller passed them, with the tensors in place.
      arguments: dict from each parameter of the signature to its value, all defaults filled in, with the tensors in
        place; ``*args`` and ``**kwargs`` are a tuple and a dict under their names.
      self: the object whose method the override is; None where it is no method.
      name: the name of the op in the graph; in eager mode the name of the override.
      type: the name of the override.
    """

    def __init__(self, call, inputs, outputs, name, parts):
        self._call = call
        self._parts = parts  # the tensors that inputs, and those that outputs are made of
        self.inputs = inputs
        self.outputs = outputs
        self.variables = []
        self.name = name
        self.type = call.rule.name

    @property
    def args(self):
        return self._call.layout.as_passed(self.inputs)[0]

    @property
    def kwargs(self):
        return self._call.layout.as_passed(self.inputs)[1]

    @property
    def arguments(self):
        return self._call.layout.by_parameter(self.inputs)

    @property
    def self(self):
        own = alive(self._call.own)
        return own[0] if own else None

    def native_gradient(self, *output_grads):
        """Return what forward itself would have given, in the form in which backward returns gradients.

        Forward is run once more, on op.inputs, and differentiated by TensorFlow: random numbers in it are drawn anew,
        and captured variables are read anew.

        Args:
          output_grads: one for each output, as backward is handed them.

        Returns:
          A list with a gradient for each of op.inputs: None for what is no tensor, and where no way leads from it.
          Where forward captures variables that backward takes, a pair of that list and of one for the variables.

        Raises:
          ValueError: too few or too many output_grads, or one that is no gradient of its output.
        """
        return native_gradients(self._call, *self._parts, output_gradients=output_grads)

    def __getattr__(self, name):
        has = ", ".join("op." + one for one in sorted(set(vars(self)) | set(vars(type(self)))) if one[0] != "_")
        raise AttributeError(
            "override_gradient {!r}: the op of a whole function is no tf.Operation and has no {!r}; it has {}. An "
            "op-level override, override_gradient(forward, {{'OpType': backward}}), is handed the operation "
            "itself.".format(vars(self).get("type"), name, has)
        )

    def __repr__(self):
        return "<op of the override {!r}: {} inputs, {} outputs>".format(self.type, len(self.inputs), len(self.outputs))
