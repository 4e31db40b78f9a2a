"""Whether an expression calls a TensorFlow function that makes one op: then that function is overridden itself."""

import libcst as cst

from compat_grad.migrate.certainty import words
from compat_grad.migrate.reader import Reader

#: function of TensorFlow -> (type of the one op that it makes of floats, how many tensors it takes first)
ONE_OP = {
    "identity": ("Identity", 1),
    "sign": ("Sign", 1),
    "math.sign": ("Sign", 1),
    "round": ("Round", 1),
    "math.round": ("Round", 1),
    "floor": ("Floor", 1),
    "math.floor": ("Floor", 1),
    "ceil": ("Ceil", 1),
    "math.ceil": ("Ceil", 1),
    "exp": ("Exp", 1),
    "math.exp": ("Exp", 1),
    "log": ("Log", 1),
    "math.log": ("Log", 1),
    "sqrt": ("Sqrt", 1),
    "math.sqrt": ("Sqrt", 1),
    "square": ("Square", 1),
    "math.square": ("Square", 1),
    "tanh": ("Tanh", 1),
    "math.tanh": ("Tanh", 1),
    "nn.tanh": ("Tanh", 1),
    "sigmoid": ("Sigmoid", 1),
    "math.sigmoid": ("Sigmoid", 1),
    "nn.sigmoid": ("Sigmoid", 1),
    "nn.relu": ("Relu", 1),
    "nn.relu6": ("Relu6", 1),
    "nn.elu": ("Elu", 1),
    "nn.softplus": ("Softplus", 1),
    "multiply": ("Mul", 2),
    "math.multiply": ("Mul", 2),
    "maximum": ("Maximum", 2),
    "math.maximum": ("Maximum", 2),
    "minimum": ("Minimum", 2),
    "math.minimum": ("Minimum", 2),
}

_OPS_OF_ARGUMENTS = words("Add AddV2 Sub Mul RealDiv Div FloorDiv FloorMod Pow Neg StridedSlice MatMul BatchMatMulV2")


def is_one_op(value, gradients, certainty):
    """Return the `Gradient` of the one op that an expression makes, or None.

    Args:
      value: the expression.
      gradients: {op type: Gradient} of the map that it stands under.
      certainty: the module's `Certainty`.
    """
    if not isinstance(value, cst.Call):
        return None
    op_type, n_tensors = ONE_OP.get(certainty.short_name(value.func), (None, 0))
    gradient = gradients.get(op_type)
    if gradient is None or not gradient.is_plain:
        return None
    keywords = [one.keyword.value for one in value.args if one.keyword is not None]
    positional = [one for one in value.args if one.keyword is None]
    if len(positional) != n_tensors or set(keywords) - {"name"} or any(one.star for one in value.args):
        return None
    parts = _Parts()
    for one in value.args:
        parts.read(one.value)
    if parts.calls or (parts.makes_ops and _OPS_OF_ARGUMENTS & set(gradients)):
        return None  # ops of the arguments are under the map, too
    return gradient


class _Parts(Reader):
    def __init__(self):
        super().__init__()
        self.calls = self.makes_ops = False

    def visit_Call(self, node):
        self.calls = True

    def visit_Subscript(self, node):
        self.makes_ops = True

    visit_BinaryOperation = visit_UnaryOperation = visit_Subscript
