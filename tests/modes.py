"""The modes in which TensorFlow computes gradients, behind one small interface.

A test says what it computes as ``program(differentiate, *tensors)`` and a `Mode` runs it: builds a graph and runs a
session, runs eagerly, or traces a tf.function with the tape outside, inside, or tf.gradients inside.
``differentiate(f, inputs, output_gradients)`` returns (outputs, gradients), and nests.
"""

import contextlib
import functools
import gc
import importlib
import inspect
import os
import weakref

import numpy as np
import pytest
import tensorflow as tf

v1 = getattr(getattr(tf, "compat", None), "v1", tf)
BEHAVIOUR = os.environ.get("COMPAT_GRAD_BEHAVIOUR", "default")
IS_TF2 = not hasattr(tf, "enable_eager_execution") and not hasattr(tf, "Session")


def enable_eager_execution():
    """Enable eager execution in TensorFlow 1 (in 1.5 and 1.6 from contrib)."""
    if hasattr(v1, "enable_eager_execution"):
        v1.enable_eager_execution()
    else:
        import tensorflow.contrib.eager as tfe

        tfe.enable_eager_execution()


def executing_eagerly():
    """Whether operations execute as they are called (tf.executing_eagerly came with 1.7)."""
    return hasattr(tf.constant(0.0), "numpy")


HAS_EAGER = (IS_TF2 and BEHAVIOUR == "default") or BEHAVIOUR == "eager"
HAS_FUNCTIONS = HAS_EAGER and hasattr(tf, "function")


def _has_tf_convert():
    # Asked of TensorFlow, not of compat_grad: a seam that failed to find it shall fail tests.
    try:
        return hasattr(importlib.import_module("tensorflow.python.autograph.impl.api"), "tf_convert")
    except ImportError:
        return False


NEEDS_AUTOGRAPH = pytest.mark.skipif(
    not _has_tf_convert(), reason="AutoGraph tells nobody whether it is converting, nor converts on request (1.14)"
)


def _gradient_tape():
    if hasattr(tf, "GradientTape"):
        return tf.GradientTape
    import tensorflow.contrib.eager as tfe

    return tfe.GradientTape


def flat(outputs):
    """Return outputs as a flat list of tensors."""
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def by_tape(f, inputs, output_gradients=None):
    """Differentiate f by a gradient tape."""
    with _gradient_tape()() as tape:
        for x in inputs:
            tape.watch(x)
        outputs = f(*inputs)
        target = _weighted_sum(flat(outputs), output_gradients)
    return outputs, tape.gradient(target, list(inputs))


def by_gradients(f, inputs, output_gradients=None):
    """Differentiate f by tf.gradients."""
    outputs = f(*inputs)
    return outputs, v1.gradients(_weighted_sum(flat(outputs), output_gradients), list(inputs))


def _weighted_sum(outputs, weights):
    """Return a scalar (a tape of 1.7 takes no list of targets) of the outputs that have gradients."""
    if weights is None:
        weights = [1.0] * len(outputs)
    terms = [
        tf.reduce_sum(y * (w.astype(y.dtype.as_numpy_dtype) if isinstance(w, np.ndarray) else w))
        for y, w in zip(outputs, weights)
        if w is not None and (y.dtype.is_floating or y.dtype.is_complex)
    ]
    return tf.add_n(terms)


def by_tape_outside(f, inputs, output_gradients=None):
    """Differentiate a traced f by a tape around its call."""
    return by_tape(tf.function(f), inputs, output_gradients)


@functools.lru_cache(maxsize=None)
def functions_have_second_derivatives():
    """Whether TensorFlow itself has them by tapes around a tf.function (on 1.14 they are None, or zero)."""
    _, second = by_tape(lambda x: by_tape_outside(lambda x: x * x * x, [x])[1], [tf.constant(3.0)])
    return second[0] is not None


def functions_can_be_vectorized():
    """Whether TensorFlow's parallel-for knows the call of a tf.function (not on 1.14)."""
    pfor = importlib.import_module("tensorflow.python.ops.parallel_for.pfor")
    return "PartitionedCall" in pfor._pfor_converter_registry


@functools.lru_cache(maxsize=None)
def functions_with_a_tape_outside_are_collected():
    """Whether TensorFlow itself lets go of the graph of a tf.function that a tape has seen (not on 1.14)."""
    graphs = []

    def f(x):
        graphs.append(weakref.ref(v1.get_default_graph()))
        return x * x

    by_tape_outside(f, [tf.constant(3.0)])
    gc.collect()
    return graphs[0]() is None


@functools.lru_cache(maxsize=None)
def gradients_of_functions_take_variables():
    """Whether TensorFlow's own backward of a traced function may assign a variable (1.15 and 2.0 fail to build it)."""
    counted = variable(0.0)

    @tf.custom_gradient
    def f(x):
        def backward(dy):
            with tf.control_dependencies([counted.assign_add(1.0)]):
                return tf.identity(dy)

        return 1.0 * x, backward

    try:
        by_tape(tf.function(lambda x: f(x)), [tf.constant(1.0)])
    except (tf.errors.InvalidArgumentError, ValueError):
        return False
    return float(counted.numpy()) == 1.0


class Mode:
    """One way to run a program that differentiates."""

    def __init__(self, name, differentiate, run):
        self.name = name
        self.differentiate = differentiate
        self._run = run
        self.is_graph = run is _run_in_session

    def scope(self):
        """Return the context in which a test of this mode runs."""
        return tf.Graph().as_default() if self.is_graph else contextlib.suppress()  # noqa: B022

    def run(self, program, *arrays, **options):
        """Run ``program(differentiate, *tensors)``; return its result with NumPy arrays for tensors, flat.

        Args:
          variables: initial values; the program gets a trainable variable for each, before the tensors.
        """
        return self._run(program, self.differentiate, arrays, options.get("variables", ()))

    def first_and_second(self, f, *arrays):
        """Return [outputs, gradients, second gradients] of f, flat lists of arrays, None where there is none.

        The gradients are of the sum of f's outputs, weighted so that no two elements weigh the same; the second
        ones of the weighted sum of the first.
        """
        if self is TAPE_OUTSIDE and not functions_have_second_derivatives():
            pytest.skip("this TensorFlow has no second derivatives by tapes around a tf.function (1.14)")

        def program(differentiate, *inputs):
            def first(*inputs):
                outputs, gradients = differentiate(f, inputs, _Weights())
                return [g for g in gradients if g is not None]

            outputs, gradients = differentiate(f, inputs, _Weights())
            _, second = differentiate(first, inputs, _Weights())
            return flat(outputs), gradients, second

        return self.run(program, *arrays)

    def __repr__(self):
        return self.name


class _Weights:
    """An endless list of factors for the outputs, all different, exact in every floating point type."""

    def __iter__(self):
        return iter([2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0])


def to_arrays(result):
    """Return result with NumPy arrays in place of eager tensors."""
    if isinstance(result, (list, tuple)):
        return [to_arrays(item) for item in result]
    if isinstance(result, dict):
        return {key: to_arrays(value) for key, value in result.items()}
    if isinstance(result, tf.IndexedSlices):
        return tf.convert_to_tensor(result).numpy()
    return result.numpy() if hasattr(result, "numpy") else result


def variable(value):
    """Make a trainable variable in eager mode."""
    if hasattr(tf, "contrib") and not IS_TF2 and BEHAVIOUR == "eager":
        return tf.contrib.eager.Variable(value)
    return tf.Variable(value)


def get_variable(name, initializer, resource):
    """Make a resource or a reference variable in a plain graph."""
    if "use_resource" in inspect.signature(v1.get_variable).parameters:
        return v1.get_variable(name, initializer=initializer, use_resource=resource)
    if resource:
        pytest.skip("this TensorFlow's get_variable makes reference variables only")
    return v1.get_variable(name, initializer=initializer)


def _run_eagerly(program, differentiate, arrays, variables):
    variables = [variable(value) for value in variables]
    return to_arrays(program(differentiate, *(variables + [tf.constant(array) for array in arrays])))


def run_in_function(make):
    """Return how to run a program in a function that ``make(python_function)`` makes."""

    def run(program, differentiate, arrays, variables):
        variables = [variable(value) for value in variables]
        nothing = object()  # a function cannot return None among tensors in every version
        shape = []

        def traced(*tensors):
            result = program(differentiate, *(variables + list(tensors)))
            shape[:] = [_skeleton(result, nothing)]
            return [leaf for leaf in _leaves(result) if leaf is not None]

        results = make(traced)(*[tf.constant(array) for array in arrays])
        leaves = iter([to_arrays(leaf) for leaf in results])
        return _fill(shape[0], leaves, nothing)

    return run


_run_in_function = run_in_function(lambda traced: tf.function(traced, autograph=False))


def _run_in_session(program, differentiate, arrays, variables):
    variables = [tf.Variable(value) for value in variables]
    nothing = object()
    result = program(differentiate, *(variables + [tf.constant(array) for array in arrays]))
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        leaves = iter(session.run([tf.convert_to_tensor(leaf) for leaf in _leaves(result) if leaf is not None]))
    return _fill(_skeleton(result, nothing), leaves, nothing)


def _leaves(result):
    if isinstance(result, (list, tuple)):
        return [leaf for item in result for leaf in _leaves(item)]
    return [result]


def _skeleton(result, nothing):
    if isinstance(result, (list, tuple)):
        return [_skeleton(item, nothing) for item in result]
    return None if result is None else nothing


def _fill(skeleton, leaves, nothing):
    if isinstance(skeleton, list):
        return [_fill(item, leaves, nothing) for item in skeleton]
    return next(leaves) if skeleton is nothing else None


GRAPH = Mode("graph", by_gradients, _run_in_session)
EAGER = Mode("eager", by_tape, _run_eagerly)
TAPE_OUTSIDE = Mode("function, tape outside", by_tape_outside, _run_eagerly)
TAPE_INSIDE = Mode("function, tape inside", by_tape, _run_in_function)
GRADIENTS_INSIDE = Mode("function, tf.gradients inside", by_gradients, _run_in_function)

# TensorFlow 1.7 to 1.12 refuse tf.gradients in any graph once eager execution is enabled.
HAS_GRAPHS = BEHAVIOUR != "eager" or HAS_FUNCTIONS
MODES = (
    ([GRAPH] if HAS_GRAPHS else [])
    + ([EAGER] if HAS_EAGER else [])
    + ([TAPE_OUTSIDE, TAPE_INSIDE, GRADIENTS_INSIDE] if HAS_FUNCTIONS else [])
)


def assert_same_bits(found, expected, what=""):
    """Assert that two nested lists of arrays (or None) are the same to the bit."""
    if isinstance(expected, (list, tuple)):
        assert len(found) == len(expected), "{}: {} items, expected {}".format(what, len(found), len(expected))
        for index, (one, other) in enumerate(zip(found, expected)):
            assert_same_bits(one, other, "{}[{}]".format(what, index))
        return
    if expected is None:
        assert found is None, "{}: {!r}, expected no gradient".format(what, found)
        return
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.dtype == expected.dtype, "{}: dtype {}, expected {}".format(what, found.dtype, expected.dtype)
    assert found.shape == expected.shape, "{}: shape {}, expected {}".format(what, found.shape, expected.shape)
    assert found.tobytes() == expected.tobytes(), "{}:\n{}\nexpected\n{}".format(what, found, expected)
