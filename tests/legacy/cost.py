"""What honoring costs a training step: ``python -m tests.legacy.cost``; prints the ratio to the step as it is.

The steps alternate, and the fastest of each counts: what else the machine does makes both slower.
"""

import time

import tensorflow as tf

from compat_grad import honor_override_maps
from tests import modes

v1 = tf.compat.v1
LAYERS, ROUNDS = 30, 60


@v1.RegisterGradient("LegacyCost")
def _half(op, grad):
    return 0.5 * grad


def new_step():
    """Return a training step that enters a map in each of its layers, on variables of its own."""
    weights = [modes.variable(tf.random.normal([64, 64], stddev=0.15, seed=one)) for one in range(LAYERS)]

    def step(x):
        with tf.GradientTape() as tape:
            for weight in weights:
                with v1.get_default_graph().gradient_override_map({"Relu": "LegacyCost"}):
                    x = tf.nn.relu(tf.matmul(x, weight))
            loss = tf.reduce_mean(x)
        for weight, gradient in zip(weights, tape.gradient(loss, weights)):
            weight.assign_sub(0.01 * gradient)
        return loss

    return step


def fastest(steps, x):
    """Return the time of the fastest of each of steps, in milliseconds; the first ones are for warming up."""
    times = [[] for _ in steps]
    for number in range(ROUNDS + 5):
        for step, found in zip(steps, times):
            start = time.perf_counter()
            float(step(x))
            if number >= 5:
                found.append(1e3 * (time.perf_counter() - start))
    return [min(found) for found in times]


def main():
    x = tf.random.normal([64, 64], seed=1)
    for name, made in (("eager", lambda f: f), ("in a tf.function", tf.function)):
        plain, honored = fastest([made(new_step()), made(honor_override_maps(new_step()))], x)
        print(
            "TensorFlow {}, {}: {:.2f} ms as it is, {:.2f} ms honored: ratio {:.2f}".format(
                tf.__version__, name, plain, honored, honored / plain
            )
        )


if __name__ == "__main__":
    main()
