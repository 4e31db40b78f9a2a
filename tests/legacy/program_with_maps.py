"""A legacy program for `python -m compat_grad run`: tells what it sees of its surroundings, and its gradients."""

import json
import os
import pickle
import sys

assert "tensorflow" not in sys.modules, "the environment variables of TensorFlow are the program's to set"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf  # noqa: E402

v1 = getattr(getattr(tf, "compat", None), "v1", tf)
if "--eager" in sys.argv and not hasattr(tf, "Session"):
    assert tf.executing_eagerly()
elif "--eager" in sys.argv:
    v1.enable_eager_execution()


class Picklable:
    pass


@v1.RegisterGradient("Times100")
def times_100(op, grad):
    return 100.0 * grad


def net(x):
    with v1.get_default_graph().gradient_override_map({"Relu": "Times100", "Typo": "Times100"}):
        return tf.nn.relu(x)


def step(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = net(x)
    return tape.gradient(y, x)


pickle.dumps(Picklable())
gradients = []
if "--eager" in sys.argv:
    gradients = [float(step(tf.constant(2.0))) for _ in range(3)]
    if hasattr(tf, "function"):
        gradients.append(float(tf.function(step)(tf.constant(2.0))))
else:
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [])
        gradients = [float(session.run(v1.gradients(net(x), x)[0], {x: 2.0}))]
print(json.dumps([__name__, sys.argv[1:], os.path.basename(sys.path[0] or os.getcwd()), gradients]))
if "--exit" in sys.argv:
    sys.exit(7)
if "--raise" in sys.argv:
    raise ValueError("of the program")
