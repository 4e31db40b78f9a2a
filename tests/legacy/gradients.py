"""Gradients as legacy programs register them: visibly other than TensorFlow's own. Registered once for a process."""

import tensorflow as tf

v1 = getattr(getattr(tf, "compat", None), "v1", tf)


@v1.RegisterGradient("LegacyTimes100")
def times_100(op, *grads):
    return [100.0 * grads[0]] + [None] * (len(op.inputs) - 1)


@v1.RegisterGradient("LegacyTimes7")
def times_7(op, grad):
    return 7.0 * grad
