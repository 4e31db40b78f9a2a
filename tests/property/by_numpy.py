"""What NumPy says of an example: its outputs, gradients and second derivatives."""

import numpy as np

#: of the outputs
WEIGHTS = [1.0, 2.0, 3.0, 2.0, 1.0, 3.0, 2.0, 1.0]


def expected(example):
    """Return [outputs, gradients, second derivatives]; those of order two are of the gradients weighted 1, 2, 3."""
    given, outputs = iter(WEIGHTS), []
    gradients = [np.zeros_like(of.array) for of in example.inputs]
    second = [np.zeros_like(of.array) for of in example.inputs]
    of_variable = np.float32(0)
    for call in range(example.calls):
        for index, of in enumerate(example.inputs):
            x = of.array if call == 0 else of.array.reshape([1, -1])
            y, first, of_first = _RULES[example.kind](example, of, x, next(given), index + 1)
            outputs.append(np.asarray(np.real(y), np.float64))
            gradients[index] += first.astype(of.array.dtype).reshape(of.array.shape)
            second[index] += of_first.astype(of.array.dtype).reshape(of.array.shape)
        if example.captures:
            outputs.append(np.float64(6.0))
            of_variable += np.float32(5.0 * next(given))
    extra = [[of_variable], [np.float32(0)]] if example.captures else [[], []]
    return [outputs, gradients + extra[0], second + extra[1] if example.order == 2 else []]


def _backward(example, of, x, weight, again):
    y = {"triple": 3 * x, "square": x * x, "same": x}[of.forward]
    y = y.sum() if of.summed else y
    ones = np.ones_like(x)
    first = of.factor * (np.sign(weight) if of.times == "sign" else weight * _other(of, x, y)) * ones
    dy = again * of.factor * weight * ones
    if of.times == "output":
        return y, first, of.factor * (dy.sum() if of.summed else dy) * y * ones
    return y, first, dy if of.times == "input" else 0 * x


def _other(of, x, y):
    return {"nothing": 1, "input": x, "output": y}[of.times]


def _surrogate(example, of, x, weight, again):
    y, _, _ = _backward(example, of, x, weight, again)
    if of.times == "input":
        return y, of.factor * 2 * weight * np.conj(x), of.factor * 2 * weight * again * np.ones_like(x)
    return y, of.factor * weight * np.ones_like(x), 0 * x


def _ratio(example, of, x, weight, again):
    return x * (x + 4), weight * x, 0 * x


def _ops(example, of, x, weight, again):
    rule = example.inputs[0]
    inner = 3 if of.forward == "triple" else 1
    if of.forward == "same":
        y, first, second = x, weight * np.ones_like(x), 0 * x
    else:
        as_one = of._replace(summed=False, forward="square", factor=rule.factor, times=rule.times)
        y, first, second = _backward(example, as_one, x, weight * inner, again)
        y = inner * y
    return (y.sum() if of.summed else y), first, second


_RULES = {"backward": _backward, "surrogate": _surrogate, "ratio": _ratio, "ops": _ops}
