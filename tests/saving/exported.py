"""The MetaGraph that TensorFlow 1.15 wrote to exported_by_1_15.pbtxt, for every TensorFlow to import.

    py37-tf1.15/bin/python -m tests.saving.exported

writes it again, from the root of the checkout. Its ops are such as all TensorFlows know.
"""

import os

import numpy as np
import tensorflow as tf

v1 = getattr(getattr(tf, "compat", None), "v1", tf)
PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "exported_by_1_15.pbtxt")
X = np.array([0.5, -1.25, 3.0], np.float32)
VALUE = 2 * X + 3 * X + np.maximum(X, 0)
FIRST = 10 * X + 5 * 3 * X + 7 * X
SECOND = 10 + 5 * 3 + 7 + 0 * X


def define():
    """Return the overrides, made anew."""
    from compat_grad import override_gradient

    return [
        override_gradient(lambda x: 2.0 * x, lambda op, dy: dy * 10.0 * op.inputs[0], name="exported_tenfold"),
        override_gradient(
            lambda x, scale: scale * x, lambda op, dy: dy * 5.0 * op.inputs[1] * op.inputs[0], name="exported_scaled"
        ),
        override_gradient(
            lambda x: tf.nn.relu(x), {"Relu": lambda op, dy: dy * 7.0 * op.inputs[0]}, name="exported_relu"
        ),
    ]


def main():
    from google.protobuf import text_format

    tenfold, scaled, relu = define()
    x = v1.placeholder(tf.float32, [3], name="x")
    tf.add_n([tenfold(x), scaled(x, 3.0), relu(x)], name="y")
    meta_graph = v1.train.export_meta_graph(clear_devices=True)
    meta_graph.meta_info_def.ClearField("stripped_op_list")  # as text, dtypes that 1.4 has not yet are errors there
    with open(PATH, "w") as file:
        file.write(text_format.MessageToString(meta_graph))


if __name__ == "__main__":
    main()
