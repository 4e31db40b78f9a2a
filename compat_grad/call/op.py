"""The ``op`` that a backward is handed, whatever it belongs to. Knows nothing of calls or TensorFlow."""


class Op:
    """What a backward receives first, in ``tf.RegisterGradient``'s convention: for isinstance, and to annotate with.

    Attributes:
      inputs, outputs: lists of the tensors (and plain arguments) that went in, and of the tensors that came out.
      name, type: the name of the op in the graph, and its type; of a whole function, the name of the override.

    What else there is depends on what the gradient belongs to: the op of a whole function knows the call's arguments in
    their structure, that of a single op has attributes, ``get_attr(name)``.

    >>> def backward(op: Op, dy):
    ...     return dy * op.inputs[0]
    """
