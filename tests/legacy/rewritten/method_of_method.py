"""A method enters the map and calls another method of its class."""

import numpy as np
import tensorflow.compat.v1 as tf
from compat_grad import override_gradient


@override_gradient(backward={"Round": "QuantizerBack"})
def quantize_overridden(self, x):
    y = self._scaled(x)
    return y


class Quantizer:
    gradient = "QuantizerBack"

    def __init__(self, levels):
        self.levels = levels

    @tf.RegisterGradient("QuantizerBack")
    def _back(op, grad):
        return 0.25 * grad

    def _scaled(self, x):
        return tf.round(x * self.levels) / self.levels

    def quantize(self, x):
        y = quantize_overridden(self, x)
        return y


def make():
    return Quantizer(4.0).quantize, []


INPUTS = [[0.3, -1.4, 2.2]]


def value(x):
    return np.round(x * 4.0) / 4.0


def gradients(dy, x):
    return [0.25 * dy]
