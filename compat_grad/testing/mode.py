"""The modes in which TensorFlow computes gradients, behind one small interface.

A test says what it computes as ``program(differentiate, *tensors)`` and a `Mode` runs it: builds a graph and runs a
session, runs eagerly, or traces a tf.function with the tape outside, inside, or tf.gradients inside.
"""

import contextlib

from compat_grad._tf import tf, v1
from compat_grad.testing import process
from compat_grad.testing.differentiate import EveryWeight, by_forward_mode, by_gradients, by_tape, by_tape_outside, flat
from compat_grad.testing.process import NotInThisTensorFlow


class Mode:
    """One way to run a program that differentiates.

    Attributes:
      key: what it is called in options, "tape_inside".
      name: what it is called in reports, "function, tape inside".
    """

    def __init__(self, key, name, differentiate, run, has, why_not):
        self.key = key
        self.name = name
        self.differentiate = differentiate
        self._run = run
        self._has, self._why_not = has, why_not
        self.is_graph = run is _run_in_session

    @property
    def lacks(self):
        """Why this process does not have it, or None."""
        return None if self._has() else self._why_not

    @property
    def lacks_second(self):
        """Why TensorFlow itself has no second derivatives in it, or None."""
        if self.differentiate is by_tape_outside and not process.functions_have_second_derivatives():
            return "no second derivatives by tapes around a tf.function (1.14)"  # pragma: no cover (1.14)
        return None

    def scope(self):
        """Return the context in which a test of this mode runs: a graph of its own where it is about graphs."""
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
        if self.lacks_second:  # pragma: no cover (1.14)
            raise NotInThisTensorFlow(self.lacks_second)

        def program(differentiate, *inputs):
            def first(*inputs):
                _, gradients = differentiate(f, inputs, EveryWeight())
                return [g for g in gradients if g is not None]

            outputs, gradients = differentiate(f, inputs, EveryWeight())
            _, second = differentiate(first, inputs, EveryWeight())
            return flat(outputs), gradients, second

        return self.run(program, *arrays)

    def __repr__(self):
        return self.name


def to_arrays(result):
    """Return result with NumPy arrays in place of eager tensors."""
    if isinstance(result, (list, tuple)):
        return [to_arrays(item) for item in result]
    if isinstance(result, dict):
        return {key: to_arrays(value) for key, value in result.items()}
    if isinstance(result, tf.IndexedSlices):
        return tf.convert_to_tensor(result).numpy()
    return result.numpy() if hasattr(result, "numpy") else result


def _run_eagerly(program, differentiate, arrays, variables):
    variables = [process.variable(value) for value in variables]
    return to_arrays(program(differentiate, *(variables + [tf.constant(array) for array in arrays])))


def run_in_function(make):
    """Return how to run a program in a function that ``make(python_function)`` makes."""

    def run(program, differentiate, arrays, variables):
        variables = [process.variable(value) for value in variables]
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


_FUNCTIONS = process.has_functions, process.WHY_NO_FUNCTIONS
GRAPH = Mode("graph", "graph", by_gradients, _run_in_session, process.has_graphs, process.WHY_NO_GRAPHS)
EAGER = Mode("eager", "eager", by_tape, _run_eagerly, process.has_eager, process.WHY_NO_EAGER)
TAPE_OUTSIDE = Mode("tape_outside", "function, tape outside", by_tape_outside, _run_eagerly, *_FUNCTIONS)
TAPE_INSIDE = Mode("tape_inside", "function, tape inside", by_tape, _run_in_function, *_FUNCTIONS)
GRADIENTS_INSIDE = Mode(
    "gradients_inside", "function, tf.gradients inside", by_gradients, _run_in_function, *_FUNCTIONS
)
FORWARD = Mode(
    "forward", "forward mode", by_forward_mode, _run_eagerly, process.has_forward_mode, process.WHY_NO_FORWARD_MODE
)
ALL = (GRAPH, EAGER, TAPE_OUTSIDE, TAPE_INSIDE, GRADIENTS_INSIDE)
