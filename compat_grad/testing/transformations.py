"""XLA, vectorized_map, Jacobians and forward mode, as further ways to compute a case's values and gradients.

Each transformation is a function of a case that returns {order: [array or None]}; `in_this_process` lists them with
the reason why it lacks one. A vectorized_map runs over two rows, the case's inputs and their halves: the first row is
the case itself, the second shows that rows are not mixed up.
"""

import inspect

import numpy as np

from compat_grad._tf import tf
from compat_grad.testing import mode as modes
from compat_grad.testing import process
from compat_grad.testing.case import Expected, in_float64, is_floating
from compat_grad.testing.check import assert_close
from compat_grad.testing.differentiate import by_tape
from compat_grad.testing.program import as_outputs, dense, program_of


def _compiled(traced):
    try:
        return tf.function(traced, autograph=False, jit_compile=True)
    except TypeError:
        return tf.function(traced, autograph=False, experimental_compile=True)


def _compiles():
    return process.has_functions() and bool(_COMPILES)


_COMPILES = {"jit_compile", "experimental_compile"} & set(
    inspect.signature(getattr(tf, "function", lambda: None)).parameters
)
XLA = modes.Mode(
    "jit", "XLA", by_tape, modes.run_in_function(_compiled), _compiles, "this process has no tf.function(jit_compile)"
)


def compile_by_xla(case):
    return program_of(case).run_in(XLA)


def _rows(case):
    """Return the inputs and their halves in one array each."""
    return [
        tf.constant(np.stack([array, array * array.dtype.type(0.5) if is_floating(array) else array]))
        for array in case.inputs
    ]


def _row_function(case, stacked):
    """Return the function of one row's floating tensors, and the rows' floating tensors."""
    program = program_of(case)
    at = case.expected().differentiated
    others = [i for i in range(len(stacked)) if i not in at]

    def f(rows):
        placed = [None] * len(stacked)
        for position, tensor in zip(list(at) + others, rows):
            placed[position] = tensor
        function, floating = program.of_floating(placed)
        return function, floating

    return program, f, [stacked[i] for i in list(at) + others]


def vectorize_with_tape_inside(case):
    stacked = _rows(case)
    program, take, rows = _row_function(case, stacked)
    n_outputs = []

    def row(tensors):
        f, at = take(tensors)
        outputs, gradients = by_tape(f, at, program.weights())
        n_outputs[:] = [len(outputs)]
        return list(outputs) + [tf.zeros_like(x) if g is None else g for g, x in zip(dense(gradients, at), at)]

    found = modes.to_arrays(list(tf.vectorized_map(row, rows)))
    return _check_rows(case, found[: n_outputs[0]], found[n_outputs[0] :])


def vectorize_with_tape_outside(case):
    stacked = _rows(case)
    program, take, rows = _row_function(case, stacked)
    n = len(case.expected().differentiated)

    def mapped(*floating):
        def row(tensors):
            f, at = take(tensors)
            return f(*at)

        return as_outputs(tf.vectorized_map(row, list(floating) + rows[n:]))

    weights = [None if w is None else np.stack([w, w]) for w in program.weights()]
    outputs, gradients = by_tape(mapped, rows[:n], weights)
    return _check_rows(case, modes.to_arrays(outputs), modes.to_arrays(dense(gradients, rows[:n])))


def _check_rows(case, outputs, gradients):
    """Return the first row, having seen that the second is right."""
    halves = Expected(case, [in_float64(a) * 0.5 if is_floating(a) else a for a in case.inputs])
    for found, expected in zip(outputs + gradients, halves.real_value() + halves.first):
        if expected is not None and found is not None:
            assert_close(case, found[1], expected, "the second row")
    return dict(value=[o[0] for o in outputs], first=[None if g is None else g[0] for g in gradients])


def _at_once(case):
    """Return a case's function of its floating tensors, and those tensors, in eager mode."""
    tensors = [process.variable(v) for v in case.variables] + [tf.constant(array) for array in case.inputs]
    return program_of(case).of_floating(tensors)


def jacobian(case):
    f, at = _at_once(case)
    with tf.GradientTape(persistent=True) as tape:
        for x in at:
            tape.watch(x)
        outputs = f(*at)
    jacobians = []
    for part, output in enumerate(outputs):
        if output.dtype.is_floating:
            found = modes.to_arrays(dense(tape.jacobian(output, at)))
            for one, wanted in zip(found, case.expected().jacobian(part)):
                assert_close(case, one, wanted, "the Jacobian of output {}".format(part))
            jacobians += found
    return dict(value=modes.to_arrays(outputs), jacobian=jacobians)


def forward_mode(case):
    f, at = _at_once(case)
    expected = case.expected()
    tangents = [np.zeros(x.shape) if w is None else w for w, x in zip(expected.first_weights, at)]
    with tf.autodiff.ForwardAccumulator(
        at,
        [tf.constant(t.astype(x.dtype.as_numpy_dtype)) for t, x in zip(tangents, at)],
    ) as accumulator:
        outputs = f(*at)
    found = []
    for part, output in enumerate(outputs):
        if output.dtype.is_floating:
            found.append(modes.to_arrays(accumulator.jvp(output)))
            assert_close(case, found[-1], expected.tangent(part, tangents), "the tangent of output {}".format(part))
    return dict(value=modes.to_arrays(outputs), tangent=found)


def _has(where, name):
    return hasattr(getattr(tf, where, None), name) if where else hasattr(tf, name)


def _lacks(name, has):
    if not process.has_functions():
        return process.WHY_NO_FUNCTIONS
    return None if has else "this TensorFlow has no {}".format(name)


def in_this_process():
    """Return a list of (name, what Case.cannot calls it, run, why this process lacks it)."""
    vectorized = _lacks("tf.vectorized_map", _has("", "vectorized_map"))
    forward = _lacks("tf.autodiff.ForwardAccumulator", _has("autodiff", "ForwardAccumulator"))
    return [
        ("XLA, tape inside", "XLA", compile_by_xla, _lacks("tf.function(jit_compile)", _COMPILES)),
        ("vectorized_map, tape inside", "vectorized_map", vectorize_with_tape_inside, vectorized),
        ("vectorized_map, tape outside", "vectorized_map", vectorize_with_tape_outside, vectorized),
        ("Jacobian", "Jacobian", jacobian, _lacks("GradientTape.jacobian", _has("GradientTape", "jacobian"))),
        ("forward mode", "forward mode", forward_mode, forward),
    ]
