"""The multiplied trick: the score function's gradient."""

import numpy as np
import tensorflow as tf


def dice(x, cost):
    probability = tf.sigmoid(x)
    return tf.stop_gradient(cost / probability) * probability * cost


def program(x, cost):
    return dice(x, cost)


INPUTS = [[0.3, -1.4, 2.2], [1.0, 2.0, 3.0]]


def value(x, cost):
    return cost * cost


def gradients(dy, x, cost):
    p = 1 / (1 + np.exp(-x))
    return [dy * cost * cost * (1 - p), dy * cost]
