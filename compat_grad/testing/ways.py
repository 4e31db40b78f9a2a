"""The ways to compute a case: modes x strategies, and the transformations, with the reasons where there is none here.

A way's ``run(case)`` returns {order: [array or None]} for the orders "value", "first", "second" (a transformation has
those that it is about). Which exist in this process is found out by asking TensorFlow and compat_grad.
"""

import functools
import traceback

import numpy as np

from compat_grad import available_strategies
from compat_grad.testing import loaded, process, transformations
from compat_grad.testing import mode as modes
from compat_grad.testing.measured import complete
from compat_grad.testing.program import program_of

STRATEGIES = ("tape", "gradient_override_map", "custom_gradient", "stop_gradient")


class Way:
    """A mode with a forced strategy, or a transformation with the strategy that "auto" picks."""

    def __init__(self, name, run, lacks, transformation=None, strategy="auto"):
        self.name = name
        self._run = run
        self.lacks = lacks
        self.transformation = transformation
        self.strategy = strategy
        self.orders = 2  # of derivatives
        self.in_old_function = False  # whether it runs in what TensorFlow had before tf.function
        self.is_slow = False  # whether it is left out where nobody asks for it

    @property
    def gives_gradients(self):
        """Whether it computes gradients, and not Jacobians or tangents alone."""
        return self.transformation not in ("Jacobian", "forward mode")

    def undefined(self, case):
        """Why the case has no such way by its nature, or None."""
        if self.strategy == "stop_gradient" and not case.has_surrogate:
            return "the stop_gradient trick expresses a surrogate only"
        if case.is_op_level and self.strategy in ("tape", "custom_gradient"):
            return "a whole subgraph's gradient is all that this strategy expresses, not those of ops within"
        why_not = case.cannot.get(self.transformation or self.strategy) or case.cannot.get(self.name)
        if self.name == modes.GRAPH.name and case.captures and case.is_made:
            return "a graph cannot use variables that were made outside of it (made_by makes them in each mode)"
        if why_not or self.transformation is None:
            return why_not
        if self.transformation == "forward mode" and not case.linear:
            return "forward mode is defined for a backward that is linear in the output gradients"
        if self.transformation == "vectorized_map" and (case.variables or case.captures):
            return "a variable has no rows to map over"
        return None

    def bound(self, case, order):
        """How far results of this way may be from those of the other ways of this TensorFlow, in ULPs."""
        of_modes = case.ulps_second if order == "second" else case.ulps_modes
        of_transformation = {"XLA": case.ulps_xla, "vectorized_map": case.ulps_vectorized}.get(self.transformation, 0)
        return max(of_modes, of_transformation)

    def run(self, case):
        complete(case)
        return self._run(case)

    def __repr__(self):
        return self.name


def _strategies_of(mode):
    """Return what available_strategies says in this mode."""
    told = []

    def program(differentiate, x):
        told.append(available_strategies())
        return [x]

    if mode is modes.TAPE_OUTSIDE:
        mode = modes.TAPE_INSIDE
    with mode.scope():
        mode.run(program, np.float32(1))
    return told[0]


def _run_in_mode(mode, strategy, orders, case):
    if case.is_op_level and mode is modes.TAPE_INSIDE and not process.functions_have_second_derivatives():
        orders = 1  # pragma: no cover (1.14: it is in a function of its own, for the tape's sake)
    with mode.scope():
        return program_of(case, strategy, orders).run_in(mode)


def _lacks_second(mode, strategy):
    around_function = mode is modes.TAPE_OUTSIDE or (mode is modes.EAGER and strategy == "gradient_override_map")
    return around_function and not (process.has_functions() and process.functions_have_second_derivatives())


def _in_modes():
    for mode in modes.ALL:
        mode_lacks = mode.lacks
        available = None if mode_lacks else _strategies_of(mode)
        for strategy in STRATEGIES:
            lacks = mode_lacks or available.unavailable.get(strategy)
            orders = 1 if _lacks_second(mode, strategy) else 2
            run = functools.partial(_run_in_mode, mode, strategy, orders)
            way = Way("{} · {}".format(mode.name, strategy), run, lacks, strategy=strategy)
            way.orders = orders
            way.in_old_function = orders < 2 and not process.has_functions()
            yield way


def _in_transformations():
    for name, transformation, run, lacks in transformations.in_this_process():
        yield Way(name, run, lacks, transformation)


def _in_modes_alone():
    for mode in modes.ALL:
        orders = 1 if mode.lacks is None and mode.lacks_second else 2
        way = Way(mode.name, functools.partial(_run_in_mode, mode, "auto", orders), mode.lacks)
        way.orders = orders
        yield way


def _in_saved_models():
    way = Way(loaded.NAME, loaded.run, loaded.lacks())
    way.is_slow = True  # a process starts, and each case is saved and loaded
    yield way


@functools.lru_cache(maxsize=None)
def _ways(behaviour, of_modes):
    return list(of_modes()) + list(_in_transformations()) + list(_in_saved_models())


def all_ways(slow=False):
    """Return the list of all `Way`s of an override, those that this process lacks included; the slow ones if asked."""
    return [way for way in _ways(process.behaviour(), _in_modes) if slow or not way.is_slow]


def plain_ways(slow=False):
    """Return the list of all `Way`s of a function that is no override of the case's own making: no strategies."""
    return [way for way in _ways(process.behaviour(), _in_modes_alone) if slow or not way.is_slow]


def ways_of(case, slow=False):
    """Return the list of all `Way`s that are about a case, those that this process lacks included."""
    return plain_ways(slow) if case.is_plain else all_ways(slow)


def what_tensorflow_lacks(error, way):
    """Return what this TensorFlow cannot do, if that is what error says, else None."""
    text = " ".join(str(error).split())
    if isinstance(error, loaded.LoadedModelRaises):
        return loaded.what_is_not_saved(str(error))
    if way.strategy == "custom_gradient" and (
        isinstance(error, AssertionError) or any(words in text for words in _CUSTOM_GRADIENT_FAILS)
    ):
        return "tf.custom_gradient itself fails: {} {}".format(type(error).__name__, text[:160])
    if way.in_old_function:
        for words, meaning in _OLD_FUNCTIONS_FAIL:
            if words in text:
                return "functions before tf.function (1.14) take no {}: {}".format(meaning, text[:120])
    if isinstance(error, AttributeError) and text.startswith("module 'tensorflow"):
        return "this TensorFlow has no tf.{}".format(text.split("'")[-2])
    raised_in = traceback.extract_tb(error.__traceback__)[-1][0]
    if isinstance(error, AssertionError) and way.transformation and "/tensorflow" not in raised_in:
        return None  # it says that a result is wrong; in modes, running asserts nothing of our own
    if "/parallel_for/" in raised_in:
        return "vectorized_map cannot: {}".format(text[-160:])
    return next(("{}: {}".format(meaning, text[-160:]) for words, meaning in _REFUSALS if words in text), None)


#: what it says where tf.custom_gradient takes tensors of one graph into another: in loops, branches, and backwards
_CUSTOM_GRADIENT_FAILS = (
    "out of scope",
    "cannot be accessed here",
    "not in the forward graph",
    "does not have value",
    "outside of the function building code",
    "captured an external symbolic tensor",  # 2.7
)

#: what functions from before tf.function say -> what they do not take
_OLD_FUNCTIONS_FAIL = (
    ("must be numeric to obtain a default gradient", "boolean outputs where there are gradients"),
    ("'IndexedSlices' object has no attribute 'shape'", "IndexedSlices out of gradients"),  # 1.5
    ("'_CapturingContext' object has no attribute", "loops"),  # 1.5, 1.6
    ("'NoneType' object has no attribute 'append'", "loops"),  # 1.7
    ("is neither in the function body nor among function inputs", "loops"),  # 1.8 to 1.11
    ("Resource handles are not convertible", "variables in gradients"),  # 1.5
    ("graph not supported for Eager Tensors", "variables in gradients"),  # 1.6, 1.7
    ("Tensor.graph is meaningless when eager execution", "variables in gradients"),  # 1.8
    ("/resource' with dtype resource", "variables in gradients"),  # 1.9 to 1.11
    ("_as_tf_output not supported when eager", "variables in gradients"),
    ("tf.gradients finds nothing", "tf.gradients in gradients"),  # 1.11
)

#: what TensorFlow says -> what that means
_REFUSALS = (
    ("No OpKernel was registered", "no kernel"),
    ("No registered '", "no kernel"),  # of an op, in eager mode of 1.5 and 1.6
    ("tf.gradients not supported in EAGER mode", "this TensorFlow has no tf.GradientTape"),
    ("has DataType bfloat16 not in list", "no kernel"),
    ("Unhandled input dimensions", "no kernel"),
    ("No converter defined for", "vectorized_map cannot"),
    ("No pfor vectorization defined for", "vectorized_map cannot"),  # in a loop, 2.3
    ("has DataType variant not in list", "vectorized_map cannot"),  # likewise
    ("<dtype: 'variant'> is not compatible", "vectorized_map cannot"),
    ("Incompatible types: <dtype: 'variant'>", "vectorized_map cannot"),  # the same on 2.4
    ("expected to be loop invariant", "vectorized_map cannot"),  # a filter per row, to 2.1
    ("expected to be not loop invariant", "vectorized_map cannot"),  # a Jacobian of IndexedSlices, on 1.14
    ("assert isinstance(y, ops.Tensor)", "vectorized_map cannot"),  # likewise
    ("command line flag", "vectorized_map cannot"),  # 2.0 and 2.1 trip over it where they mean the former
    ("All inputs to `ConcreteFunction`s must be Tensors", "functions take no IndexedSlices as output gradients"),
    ("but got CompositeTensor", "functions take no IndexedSlices as output gradients"),
    ("Does it belong to a different graph?", "a function's gradient function fails"),  # 1.15 to 2.1, with captures
    ("not compilable", "XLA cannot"),
    ("Detected unsupported operations", "XLA cannot"),
    ("XLA compilation requires a fixed tensor list size", "XLA cannot"),
    ("XLA_CPU_JIT", "no XLA in this wheel"),
)
