"""Gradients as legacy programs register them: visibly other than TensorFlow's own. Registered once for a process."""

import tensorflow as tf

v1 = getattr(getattr(tf, "compat", None), "v1", tf)


@v1.RegisterGradient("LegacyTimes100")
def times_100(op, *grads):
    return [100.0 * grads[0]] + [None] * (len(op.inputs) - 1)


@v1.RegisterGradient("LegacyTimes7")
def times_7(op, grad):
    return 7.0 * grad


v1.RegisterGradient("LegacyOfAdd")(times_100)


@v1.RegisterGradient("LegacyOfBatchMatMul")
def of_matmul(op, grad):
    return 100.0 * grad, None


@v1.RegisterGradient("LegacyOfFusedBatchNorm")
def of_batch_norm(op, grad, mean, variance, reserved_1, reserved_2):
    return [3.0 * grad, None, None, None, None]


@v1.RegisterGradient("LegacyOfGather")
def of_gather(op, grad):
    return [5.0 * grad, None]


@v1.RegisterGradient("LegacyOfSelect")
def of_select(op, grad):
    return [None, 2.0 * grad, 4.0 * grad]
