"""Op-level overrides of a forward that runs replicas itself: TensorFlow builds and executes those in other threads.

Here in one replica, which has a thread of its own, too; `tests/clusters` has two.
"""

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import _tf, override_gradient

pytestmark = pytest.mark.usefixtures("functions")
NEEDS_OP_CALLBACKS = pytest.mark.skipif(
    not _tf.has_op_callbacks, reason="before 2.1 TensorFlow hands no op callbacks to replicas"
)


def tenfold(op, dy):
    return 10.0 * dy


@pytest.fixture
def run():
    """strategy.run, returning what the only replica does."""
    strategy = tf.distribute.MirroredStrategy(["/cpu:0"])
    in_replicas = getattr(strategy, "run", None) or strategy.experimental_run_v2  # to 2.1
    return lambda function, *args: strategy.experimental_local_results(in_replicas(function, args=args))[0]


def slope(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = 2.0 * tf.nn.relu(x)
    return tape.gradient(y, x)


@NEEDS_OP_CALLBACKS
def test_ops_in_a_replica_and_beside_it(run):
    def double(x):
        return 2.0 * tf.nn.relu(x)

    def forward(x):
        return tf.nn.relu(run(double, x))

    f = override_gradient(forward, {"Relu": tenfold})
    x = tf.constant([1.0, 2.0])
    for call in (f, tf.function(f)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = call(x)
        np.testing.assert_array_equal(y.numpy(), [2.0, 4.0])
        np.testing.assert_array_equal(tape.gradient(y, x).numpy(), [200.0, 200.0])


@NEEDS_OP_CALLBACKS
@pytest.mark.parametrize("untraceable", [False, True], ids=["traced", "op by op"])
def test_a_tape_in_a_replica(run, untraceable):
    def forward(x):
        if untraceable:
            x.numpy()
        return tf.nn.relu(run(slope, x))

    x = tf.constant([1.0, 2.0])
    f = override_gradient(forward, {"Relu": tenfold})
    for _ in range(2):  # the first call tries a trace
        np.testing.assert_array_equal(f(x).numpy(), [20.0, 20.0])
    np.testing.assert_array_equal(slope(x).numpy(), [2.0, 2.0])


@pytest.mark.skipif(_tf.has_op_callbacks, reason="this TensorFlow tells of ops in replicas")
@pytest.mark.parametrize("beside", [True, False])
def test_ops_in_a_replica_of_which_nobody_is_told_are_refused(run, beside):
    def forward(x):
        y = run(lambda x: 2.0 * tf.nn.relu(x), x)
        return tf.nn.relu(y) if beside else y

    f = override_gradient(forward, {"Relu": tenfold}, name="with replicas")
    for call in (f, tf.function(f, autograph=False)):
        for _ in range(2):
            with pytest.raises(ValueError, match="'with replicas': the Relu op .* was built by another thread"):
                call(tf.constant([1.0, 2.0]))

    inside = tf.function(lambda x: run(override_gradient(lambda x: 2.0 * tf.nn.relu(x), {"Relu": tenfold}), x))
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = inside(x)
    np.testing.assert_array_equal(tape.gradient(y, x).numpy(), [20.0, 20.0])


@NEEDS_OP_CALLBACKS
def test_what_a_backward_recomputes_of_a_replica(run):
    checkpoint = override_gradient(tf.nn.relu, lambda op, dy: op.native_gradient(dy))

    def forward(x):
        return 2.0 * run(checkpoint, x)

    f = override_gradient(forward, {"Relu": tenfold})
    x = tf.constant([1.0, -2.0])
    for _ in range(2):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        np.testing.assert_array_equal(tape.gradient(y, x).numpy(), [20.0, 20.0])
