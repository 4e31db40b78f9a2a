"""What TensorFlow before 1.4 lacks, made of what it has: an op over several tensors, and a nest that knows dicts.

Knows nothing of overrides; ``_tf`` finds out whether any of it is needed.
"""

import tensorflow as tf


class IdentityFunctions:
    """Stands in for the IdentityN op: the call of a function is also one op with several inputs and outputs."""

    def __init__(self, defun, prevent_gradient, gradient):
        """Make functions by ``defun`` whose gradient is ``gradient(op, *output_gradients)``."""
        self._defun = defun
        # A graph that is imported from a GraphDef keeps a function but not its Python gradient: it would silently be
        # differentiated through the function's body. This op in the body makes that an error.
        self._pass_through = prevent_gradient or tf.identity
        self._gradient = gradient
        self._functions = {}  # dtypes -> the function, which holds no graph that calls it

    def add_op(self, tensors, dtypes, name, attributes):
        """Add one op that passes tensors through, with these attributes, to the default graph; return the op."""
        if dtypes not in self._functions:
            self._functions[dtypes] = self._make(dtypes)
        tied = self._functions[dtypes](*tensors, name=name)
        op = (tied[0] if isinstance(tied, tuple) else tied).op
        for key, value in attributes.items():
            op.node_def.attr[key].CopyFrom(value)
        for output, tensor in zip(op.outputs, tensors):
            output.set_shape(tensor.get_shape())  # the outputs of a function have lost it
        return op

    def _make(self, dtypes):
        def identity_n(*tensors):
            return [self._pass_through(tensor) for tensor in tensors]

        name = "_".join(["compat_grad_identity"] + [dtype.name for dtype in dtypes])
        return self._defun(*dtypes, func_name=name, python_grad_func=self._gradient)(identity_n)


class NestWithDicts:
    """``tf.nest`` as it is from 1.3 on: dicts, in the order of their keys, are structures too."""

    @classmethod
    def flatten(cls, structure):
        if isinstance(structure, dict):
            return [leaf for key in sorted(structure) for leaf in cls.flatten(structure[key])]
        if isinstance(structure, (list, tuple)):
            return [leaf for item in structure for leaf in cls.flatten(item)]
        return [structure]

    @classmethod
    def map_structure(cls, function, structure):
        return cls.pack_sequence_as(structure, [function(leaf) for leaf in cls.flatten(structure)])

    @classmethod
    def pack_sequence_as(cls, structure, leaves):
        return cls._pack(structure, iter(leaves))

    @classmethod
    def _pack(cls, structure, leaves):
        if isinstance(structure, dict):
            packed = {key: cls._pack(structure[key], leaves) for key in sorted(structure)}
            return type(structure)((key, packed[key]) for key in structure)
        if isinstance(structure, tuple) and hasattr(structure, "_fields"):
            return type(structure)(*[cls._pack(item, leaves) for item in structure])
        if isinstance(structure, (list, tuple)):
            return type(structure)([cls._pack(item, leaves) for item in structure])
        return next(leaves)
