"""An override is a callable like the one it was made of: as decorator, method, partial, layer, pickle, tf.function."""

import copy
import functools
import inspect
import pickle

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import Override, override_gradient
from tests import modes
from tests.modes import assert_same_bits, flat

X = np.array([[0.5, -1.25, 3.0], [-0.0, 2.0, -7.5]], np.float32)
Y = np.array([[1.5, 0.25, -2.0], [4.0, -0.5, 1.0]], np.float32)

HAS_FUNCTION = pytest.mark.skipif(not hasattr(tf, "function"), reason="TensorFlow has tf.function from 1.14 on")


def first(mode, f, *arrays):
    """Return [outputs, gradients] of f; the sum of its output has 2 as factor."""

    def program(differentiate, *inputs):
        outputs, gradients = differentiate(f, inputs, [2.0])
        return flat(outputs), gradients

    return mode.run(program, *arrays)


def assert_ten_times(mode, f, value):
    """Assert that f has this value at X, and the gradient 10 * dy (that of nothing else in this file)."""
    outputs, gradients = first(mode, f, X)
    assert_same_bits(outputs, [value], "value")
    assert_same_bits(gradients, [np.full_like(X, 20)], "gradient")


def ten(op, dy):
    return 10.0 * dy


def triple(x, by=3.0):
    """Multiply by three."""
    return x * by


@override_gradient(backward=ten, name="decorated_name")
def decorated(x: tf.Tensor, by: float = 3.0) -> tf.Tensor:
    """Multiply by three, decorated."""
    return x * by


made = override_gradient(triple, ten)
made_of_a_library_function = override_gradient(tf.abs, ten)
made_of_a_name = override_gradient(triple, "Identity")
made_with_a_surrogate = override_gradient(tf.round, surrogate=tf.identity)


class Model:
    """Methods of all sorts, overridden."""

    scale = 3.0

    def __init__(self, scale=3.0):
        self.scale = scale

    @override_gradient(backward=ten)
    def method(self, x):
        """Multiply by the scale."""
        return x * self.scale

    @override_gradient(backward=ten)
    def with_another_name_for_self(this, x):
        return x * this.scale

    @staticmethod
    @override_gradient(backward=ten)
    def static(x):
        return x * 3.0

    @classmethod
    @override_gradient(backward=ten)
    def of_class(cls, x):
        return x * cls.scale

    @override_gradient(backward=lambda op, dy, variables=(): 10.0 * dy)
    def __call__(self, x):
        return x * self.scale

    def plain(self, x):
        return x * self.scale


# --- as a decorator and as a function --------------------------------------------------------------------------


def test_it_decorates_with_a_backward(mode):
    assert_ten_times(mode, decorated, 3 * X)


def test_it_decorates_with_a_surrogate(mode):
    @override_gradient(surrogate=lambda x: x * 10.0)
    def f(x):
        return x * 3.0

    assert_ten_times(mode, f, 3 * X)


def test_it_keeps_name_doc_module_and_signature():
    assert isinstance(made, Override) and callable(made)
    assert (
        made.__name__ == "triple" and made.__doc__.startswith("Multiply by three.\n\n") and made.__module__ == __name__
    )
    assert made.__qualname__ == "triple"
    assert inspect.signature(made) == inspect.signature(triple)
    assert decorated.__name__ == "decorated_name" and decorated.__doc__.startswith("Multiply by three, decorated.")
    assert list(inspect.signature(decorated).parameters) == ["x", "by"]
    assert inspect.signature(decorated).return_annotation is tf.Tensor
    assert "triple" in repr(made) and "decorated_name" in repr(decorated)
    assert Model.method.__name__ == "method" and Model().method.__doc__.startswith("Multiply by the scale.")


def test_the_parameters_of_a_method_are_those_without_its_self(mode):
    class Scaled:
        @override_gradient(backward=lambda op, dy: seen.append(dict(op.arguments)) or {"x": 10.0 * dy})
        def method(self, x, by=3.0):
            return x * by

    seen = []
    assert_ten_times(mode, Scaled().method, 3 * X)
    assert seen and all(list(arguments) == ["x", "by"] and arguments["by"] == 3.0 for arguments in seen)


def test_a_wrong_gradient_of_a_method_names_its_argument(mode):
    class Wrong:
        @override_gradient(backward=lambda op, dy: [dy, tf.zeros([7])])
        def method(self, x, y):
            return x * y

    with pytest.raises(ValueError, match="a gradient of shape .* for input 'y'"):
        first(mode, Wrong().method, X, Y)


def test_a_callable_without_a_name_is_called_by_its_class():
    class Tripler:
        def __call__(self, x):
            return x * 3.0

    assert override_gradient(Tripler(), ten).__name__ == "Tripler"
    assert override_gradient(functools.partial(triple, by=3.0), ten).__name__ == "triple"


def test_a_callable_object(mode):
    class Tripler:
        def __call__(self, x):
            return x * 3.0

    assert_ten_times(mode, override_gradient(Tripler(), ten), 3 * X)


@pytest.mark.parametrize("function", ["lambda", "builtin", "TensorFlow's"])
def test_functions_of_all_sorts(mode, function):
    forward = {"lambda": lambda x: x * 3.0, "builtin": abs, "TensorFlow's": tf.negative}[function]
    value = {"lambda": 3 * X, "builtin": np.abs(X), "TensorFlow's": -X}[function]
    assert_ten_times(mode, override_gradient(forward, ten), value)


@pytest.mark.parametrize("call", ["keyword bound", "keyword overruled", "positional bound"])
def test_functools_partial(mode, call):
    inputs = []

    def backward(op, dy):
        inputs.append(list(op.inputs[1:]))
        return 10.0 * dy

    if call == "positional bound":
        f, expected = override_gradient(functools.partial(lambda by, x: x * by, 3.0), backward), []
        arguments = {}
    else:
        by = {"keyword bound": 3.0, "keyword overruled": 8.0}[call]
        f, arguments = override_gradient(functools.partial(triple, by=by), backward), {}
        expected = []
        if call == "keyword overruled":
            arguments, expected = {"by": 3.0}, [3.0]
    assert_ten_times(mode, lambda x: f(x, **arguments), 3 * X)
    assert inputs == [expected]


def test_a_partial_of_an_override(mode):
    f = functools.partial(override_gradient(triple, lambda op, dy: 10.0 * dy), by=2.0)
    assert_ten_times(mode, f, 2 * X)


# --- methods ---------------------------------------------------------------------------------------------------

METHODS = {
    "instance access": lambda x: Model().method(x),
    "class access": lambda x: Model.method(Model(), x),
    "keyword": lambda x: Model().method(x=x),
    "first parameter not called self": lambda x: Model().with_another_name_for_self(x),
    "bound method as forward": lambda x: override_gradient(Model().plain, ten)(x),
    "function of a class as forward": lambda x: override_gradient(Model.plain, ten)(Model(), x),
    "static by instance": lambda x: Model().static(x),
    "static by class": lambda x: Model.static(x),
    "class method": lambda x: Model.of_class(x),
    "class method by instance": lambda x: Model().of_class(x),
    "__call__": lambda x: Model()(x),
    "inherited": lambda x: type("Derived", (Model,), {})().method(x),
    "through super": lambda x: Derived().method(x),
    "bound twice": lambda x: Model.method.__get__(Model())(x),
}


class Derived(Model):
    def method(self, x):
        return super().method(x)


@pytest.mark.parametrize("access", METHODS)
def test_methods(mode, access):
    assert_ten_times(mode, METHODS[access], 3 * X)


def test_methods_of_two_instances(mode):
    one, other = Model(3.0), Model(5.0)
    outputs, gradients = first(mode, lambda x, y: one.method(x) + other.method(y), X, Y)
    assert_same_bits(outputs, [3 * X + 5 * Y])
    assert_same_bits(gradients, [np.full_like(X, 20), np.full_like(X, 20)])


def test_a_method_of_a_class_made_in_a_function(mode):
    class Local:
        scale = 3.0

        @override_gradient(backward=lambda op, dy: [10.0 * dy for _ in op.inputs])
        def method(this, x):
            return x * this.scale

    assert_ten_times(mode, Local().method, 3 * X)
    assert_ten_times(mode, lambda x: Local.method(Local(), x), 3 * X)


def test_a_function_with_a_first_parameter_self_is_no_method(mode):
    def scale(self, x):
        return self * x

    f = override_gradient(scale, lambda op, dy: [100.0 * dy, 10.0 * dy])
    _, gradients = first(mode, f, X, Y)
    assert_same_bits(gradients, [np.full_like(X, 200), np.full_like(X, 20)])


@HAS_FUNCTION
def test_a_method_under_tf_function(mode):
    class Traced(Model):
        @tf.function
        def traced(self, x):
            return self.method(x)

        @tf.function
        @override_gradient(backward=ten)
        def overridden(self, x):
            return x * self.scale

    model = Traced()  # tf.function holds it weakly
    assert_ten_times(mode, model.traced, 3 * X)
    assert_ten_times(mode, model.overridden, 3 * X)


class Clipped:
    """Methods whose backward reaches the instance."""

    factor = 5.0

    def __init__(self, factor=5.0):
        self.factor = factor

    def _backward(self, op, dy):
        assert op.self is self
        return dy * self.factor * op.inputs[0]

    def _backward_with_variables(self, op, dy, variables=()):
        return dy * self.factor * op.inputs[0]

    @override_gradient(backward=_backward)
    def by_method(self, x):
        return x * 3.0

    @override_gradient(backward=_backward_with_variables)
    def by_method_with_variables(self, x):
        return x * 3.0

    @override_gradient(backward=lambda op, dy: dy * op.self.factor * op.inputs[0])
    def by_op_self(self, x):
        return x * 3.0

    @override_gradient(backward=lambda op, dy: dy * op.self.factor * op.inputs[0])
    def by_op_self_of_another_name(this, x):
        return x * 3.0

    @override_gradient(backward=lambda op, dy: dy * op.self.factor * op.inputs[0], strategy="gradient_override_map")
    def forced(self, x):
        return x * 3.0

    @override_gradient(backward=lambda op, dy: (dy * op.self.factor * op.inputs[0], None))
    def with_a_number(self, x, number):
        return x * number

    @classmethod
    @override_gradient(backward=lambda op, dy: [dy * op.self.factor * x for x in op.inputs])
    def of_class(cls, x):
        return x * 3.0

    @classmethod
    def _backward_of_class(cls, op, dy):
        return dy * cls.factor * op.inputs[0]

    def by_bound_method(self, x):
        return override_gradient(lambda x: x * 3.0, self._backward_of_class)(x)


METHODS_WITH_BACKWARD = {
    "a method": lambda x: Clipped().by_method(x),
    "a method that takes variables": lambda x: Clipped().by_method_with_variables(x),
    "op.self": lambda x: Clipped().by_op_self(x),
    "op.self, called this": lambda x: Clipped().by_op_self_of_another_name(x),
    "op.self beside a number": lambda x: Clipped().with_a_number(x, 3.0),
    "op.self of a class method": lambda x: Clipped.of_class(x),
    "op.self of a class method by instance": lambda x: Clipped().of_class(x),
    "a bound method": lambda x: Clipped().by_bound_method(x),
    "a method, by the class": lambda x: Clipped.by_method(Clipped(), x),
}


@pytest.mark.parametrize("case", METHODS_WITH_BACKWARD)
def test_the_backward_of_a_method_reaches_the_instance(mode, case):
    for _ in range(2):
        outputs, gradients = first(mode, METHODS_WITH_BACKWARD[case], X)
        assert_same_bits([outputs, gradients], [[3 * X], [10 * X]])


def test_each_instance_is_itself_in_the_backward(mode):
    one, other = Clipped(5.0), Clipped(7.0)
    for _ in range(2):
        _, gradients = first(mode, lambda x, y: one.by_method(x) + other.by_method(y) + other.by_op_self(x), X, Y)
        assert_same_bits(gradients, [10 * X + 14 * X, 14 * Y])


def test_op_self_under_a_forced_strategy(mode):
    model = Clipped()
    for _ in range(2):
        outputs, gradients = first(mode, model.forced, X)
        assert_same_bits([outputs, gradients], [[3 * X], [10 * X]])


def test_op_self_is_none_where_there_is_none(mode):
    found = []
    f = override_gradient(tf.abs, lambda op, dy: found.append(op.self) or 10.0 * dy)
    first(mode, f, X)
    assert found == [None]


def test_a_class_is_no_input_of_its_methods(mode):
    found = []

    class Local:
        @classmethod
        @override_gradient(backward=lambda op, dy: found.append(len(op.inputs)) or 10.0 * dy)
        def of_class(cls, x):
            return x * 3.0

    assert_ten_times(mode, Local.of_class, 3 * X)
    assert_ten_times(mode, Local().of_class, 3 * X)
    assert set(found) == {1}


def test_an_instance_attribute_is_no_method(mode):
    class Holder:
        def __init__(self):
            self.f = made

    assert_ten_times(mode, Holder().f, 3 * X)


# --- Keras -----------------------------------------------------------------------------------------------------

needs_keras = pytest.mark.skipif(not hasattr(tf, "keras"), reason="this TensorFlow has no tf.keras")


@needs_keras
def test_a_keras_layer_as_forward(mode):
    layer = tf.keras.layers.Activation("linear", name="my_layer")
    f = override_gradient(layer, ten)
    assert f.__name__ == "my_layer"
    assert_ten_times(mode, f, X)


@needs_keras
def test_a_keras_layer_that_calls_one(mode):
    class Tripled(tf.keras.layers.Layer):
        def call(self, inputs):
            return made(inputs)

    layer = Tripled()
    assert_ten_times(mode, lambda x: layer(x), 3 * X)


@needs_keras
def test_a_keras_layer_whose_call_is_one(mode):
    class Tripled(tf.keras.layers.Layer):
        @override_gradient(backward=ten)
        def call(self, inputs):
            return inputs * 3.0

    layer = Tripled()
    assert_ten_times(mode, lambda x: layer(x), 3 * X)


# --- copies ----------------------------------------------------------------------------------------------------

AT_MODULE_LEVEL = {
    "decorated": decorated,
    "made of a function": made,
    "made of a library's function": made_of_a_library_function,
}
VALUES = {"decorated": 3 * X, "made of a function": 3 * X, "made of a library's function": np.abs(X)}


def skip_where_tensorflow_does_not_pickle(function):
    try:
        pickle.dumps(function)
    except AttributeError as error:
        pytest.skip("this TensorFlow's own functions do not pickle (1.13, 1.14): {}".format(error))


@pytest.mark.parametrize("protocol", [0, 2, pickle.HIGHEST_PROTOCOL])
@pytest.mark.parametrize("case", AT_MODULE_LEVEL)
def test_overrides_at_module_level_pickle(mode, case, protocol):
    f = AT_MODULE_LEVEL[case]
    if f is made_of_a_library_function:
        skip_where_tensorflow_does_not_pickle(tf.abs)
    restored = pickle.loads(pickle.dumps(f, protocol))
    assert restored.__name__ == f.__name__
    assert_ten_times(mode, restored, VALUES[case])


NAMED = [made_of_a_name, made_with_a_surrogate, Model.method, Model.static]


@pytest.mark.parametrize("f", NAMED, ids=lambda f: f.__name__)
def test_other_overrides_pickle(f):
    if f is made_with_a_surrogate:
        skip_where_tensorflow_does_not_pickle(tf.round)
    restored = pickle.loads(pickle.dumps(f))
    assert isinstance(restored, Override) and restored.__name__ == f.__name__


def test_a_bound_method_pickles(mode):
    assert_ten_times(mode, pickle.loads(pickle.dumps(Model().method)), 3 * X)


COPIED = dict(AT_MODULE_LEVEL, local=override_gradient(lambda x: x * 3.0, lambda op, dy: 10.0 * dy))


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy], ids=lambda how: how.__name__)
@pytest.mark.parametrize("case", COPIED)
def test_overrides_are_copied(mode, case, how):
    assert_ten_times(mode, how(COPIED[case]), VALUES.get(case, 3 * X))


def test_a_copied_method_takes_its_object_for_no_argument(mode):
    inputs = []

    def backward(op, dy):
        inputs.append(len(op.inputs))
        return 10.0 * dy

    class Local:
        scale = 3.0

        @override_gradient(backward=backward)
        def method(this, x):
            return x * this.scale

    copied = copy.deepcopy(Local.method)
    assert_ten_times(mode, lambda x: copied(Local(), x), 3 * X)
    assert set(inputs) == {1}


def test_an_override_within_a_structure_is_copied(mode):
    holder = copy.deepcopy({"f": made, "model": Model()})
    assert_ten_times(mode, holder["f"], 3 * X)
    assert_ten_times(mode, holder["model"].method, 3 * X)


def test_a_deep_copy_of_an_override_of_a_callable_object_has_an_object_of_its_own():
    class Scaler:
        factor = 3.0

        def __call__(self, x):
            return x * self.factor

    scaler = Scaler()
    f = override_gradient(scaler, ten)
    g = copy.deepcopy(f)
    scaler.factor = 5.0
    assert f(1.0) == 5.0 and g(1.0) == 3.0


# --- defining again --------------------------------------------------------------------------------------------


def test_an_override_of_the_same_name_is_defined_again(mode):
    def define(slope):
        @override_gradient(backward=lambda op, dy: slope * dy, name="again")
        def again(x):
            return x * 3.0

        return again

    before, after = define(10.0), define(100.0)
    _, gradients = first(mode, lambda x, y: before(x) + after(y), X, Y)
    assert_same_bits(gradients, [np.full_like(X, 20), np.full_like(X, 200)])


@pytest.mark.parametrize("name", ["a name with blanks", "größe", "3/x:0", "_", "a" * 300, "<lambda>"])
def test_any_name_will_do(mode, name):
    assert_ten_times(mode, override_gradient(triple, ten, name=name), 3 * X)


# --- tf.function and AutoGraph ---------------------------------------------------------------------------------


@HAS_FUNCTION
def test_tf_function_of_an_override(mode):
    assert_ten_times(mode, tf.function(made), 3 * X)
    assert_ten_times(mode, tf.function(decorated), 3 * X)


@HAS_FUNCTION
def test_an_override_of_a_tf_function(mode):
    assert_ten_times(mode, override_gradient(tf.function(triple), ten), 3 * X)


@HAS_FUNCTION
def test_an_override_of_a_concrete_function(mode):
    concrete = tf.function(lambda x: x * 3.0).get_concrete_function(tf.TensorSpec(X.shape, tf.float32))
    f = override_gradient(concrete, ten)
    assert f.name == concrete.name.decode()
    for _ in range(2):
        assert_ten_times(mode, f, 3 * X)
    assert_ten_times(mode, override_gradient(concrete, surrogate=lambda x: 10.0 * x), 3 * X)


@HAS_FUNCTION
def test_tf_function_of_an_override_is_traced_once_for_each_shape(functions):
    traces = []

    @tf.function
    @override_gradient(backward=ten)
    def f(x):
        traces.append(x.shape)
        return x * 3.0

    for array in (X, X, Y, X[0], Y[0]):
        f(tf.constant(array))
    traced = len(traces)
    for array in (X, X[0]):
        f(tf.constant(array))
    assert traced == len(traces) == 2


def if_tensor(x):
    if tf.reduce_sum(x) > 1000.0:
        y = x * 7.0
    else:
        y = x * 3.0
    return y


def for_tensor(x):
    for _ in tf.range(2):
        x = x * 2.0
    return x


def while_tensor(x):
    n = tf.constant(0)
    while n < 2:
        x = x * 2.0
        n += 1
    return x


class Branching:
    def method(self, x):
        if tf.reduce_sum(x) > 1000.0:
            y = x * 7.0
        else:
            y = x * 3.0
        return y

    @override_gradient(backward=ten)
    def overridden(self, x):
        if tf.reduce_sum(x) > 1000.0:
            y = x * 7.0
        else:
            y = x * 3.0
        return y


@override_gradient(backward=ten)
def decorated_if(x):
    if tf.reduce_sum(x) > 1000.0:
        y = x * 7.0
    else:
        y = x * 3.0
    return y


def calling_if(x):
    return if_tensor(x) * 1.0


def calling_an_override(x):
    return decorated_if(x) * 1.0


def calls_if_tensor(x):
    return if_tensor(x) + 0.0


AUTOGRAPH = {
    "if": (override_gradient(if_tensor, ten), 3),
    "for": (override_gradient(for_tensor, ten), 4),
    "while": (override_gradient(while_tensor, ten), 4),
    "bound method": (override_gradient(Branching().method, ten), 3),
    "partial": (override_gradient(functools.partial(if_tensor), ten), 3),
    "decorated": (decorated_if, 3),
    "decorated method": (Branching().overridden, 3),
    "called by forward": (override_gradient(calling_if, ten), 3),
    "in an inner override": (override_gradient(calling_an_override, ten), 3),
    "in a surrogate": (override_gradient(lambda x: x * 3.0, surrogate=decorated_if), 3),
}


@HAS_FUNCTION
@modes.NEEDS_AUTOGRAPH
@pytest.mark.parametrize("case", AUTOGRAPH)
def test_autograph_reaches_forward_under_tf_function(mode, case):
    f, factor = AUTOGRAPH[case]
    assert_ten_times(mode, tf.function(f), factor * X)
    assert_ten_times(mode, tf.function(lambda x: f(x)), factor * X)


@HAS_FUNCTION
def test_autograph_does_not_convert_where_it_was_told_not_to(functions):
    f = tf.function(override_gradient(if_tensor, ten), autograph=False)
    with pytest.raises(TypeError, match="bool"):
        f(tf.constant(X))


# --- overrides and overrides -----------------------------------------------------------------------------------


def test_an_override_inside_an_override_leaves_the_gradient_to_the_outer_one(mode):
    inner = override_gradient(triple, lambda op, dy: 100.0 * dy)
    outer = override_gradient(lambda x: inner(x) + 1.0, ten)
    assert_ten_times(mode, outer, 3 * X + 1)


def test_an_override_after_an_override(mode):
    outer = override_gradient(lambda x: x + 1.0, lambda op, dy: 5.0 * dy)
    inner = override_gradient(triple, lambda op, dy: 2.0 * dy)
    assert_ten_times(mode, lambda x: outer(inner(x)), 3 * X + 1)


def test_an_override_of_an_override(mode):
    inner = override_gradient(triple, lambda op, dy: 100.0 * dy)
    assert_ten_times(mode, override_gradient(inner, ten), 3 * X)


def test_an_override_as_surrogate(mode):
    g = override_gradient(triple, ten)
    assert_ten_times(mode, override_gradient(lambda x: x, surrogate=g), X)


def test_an_override_in_a_backward_is_used_by_the_second_derivative(mode):
    inner = override_gradient(lambda x: x * x, lambda op, dy: 100.0 * dy)
    outer = override_gradient(triple, lambda op, dy: dy * inner(op.inputs[0]))
    outputs, gradients, second = mode.first_and_second(outer, X)
    assert_same_bits(outputs, [3 * X])
    assert_same_bits(gradients, [2 * X * X])
    assert_same_bits(second, [np.full_like(X, 2 * 2 * 100)])


def test_an_override_that_calls_itself_in_its_backward(mode):
    """Like exp: the derivative is the function, here with a factor that tells it from the native one."""
    f = override_gradient(lambda x: x * x, lambda op, dy: 10.0 * dy * f(op.inputs[0]))
    outputs, gradients, second = mode.first_and_second(f, X)
    assert_same_bits(outputs, [X * X])
    assert_same_bits(gradients, [20 * X * X])
    assert_same_bits(second, [400 * X * X])


def test_an_override_whose_backward_reads_the_overridden_output(mode):
    f = override_gradient(lambda x: x * x, lambda op, dy: 10.0 * dy * op.outputs[0])
    outputs, gradients, second = mode.first_and_second(f, X)
    assert_same_bits([outputs, gradients, second], [[X * X], [20 * X * X], [400 * X * X]])


class Times:
    """A callable that does not become a method."""

    def __call__(self, x):
        return x * 3.0


class HasTimes:
    times = override_gradient(Times(), ten)


def test_what_would_not_become_a_method_does_not(mode):
    assert HasTimes.times.name == "Times"
    assert_ten_times(mode, HasTimes().times, X * np.float32(3))


class Unsigned:
    """A gradient function whose signature cannot be told, as of some builtins and extension types."""

    __signature__ = "unknown"

    def __call__(self, op, dy):
        return 10.0 * dy


def test_a_gradient_function_without_a_signature_is_called_as_any(mode):
    with pytest.raises((TypeError, ValueError)):
        inspect.signature(Unsigned())
    assert_ten_times(mode, override_gradient(triple, Unsigned()), X * np.float32(3))


def test_a_name_that_is_given_later_is_what_it_is_called():
    f = override_gradient(triple, ten)
    f.__name__ = "thrice"
    assert (f.name, f.__name__) == ("thrice", "thrice")
    assert repr(f).startswith("<override 'thrice'")


class AnyArguments:
    """A forward whose signature cannot be told."""

    __signature__ = "unknown"

    def __call__(self, x, y, scale=1.0):
        return x * y * scale


def test_a_forward_without_a_signature_is_called_as_it_is(mode):
    def backward(op, dy):
        assert list(op.arguments) == ["args", "kwargs"] and op.arguments["kwargs"] == {"scale": 3.0}
        return [10.0 * dy, 100.0 * dy, None]

    def wrong(op, dy):
        return [dy, dy[:1], None]

    f = override_gradient(AnyArguments(), backward)
    outputs, gradients = first(mode, lambda x, y: f(x, y, scale=3.0), X, Y)
    assert_same_bits(outputs, [X * Y * np.float32(3)])
    assert_same_bits(gradients, [np.full_like(X, 20), np.full_like(X, 200)])
    f = override_gradient(AnyArguments(), wrong)
    with pytest.raises(ValueError, match=r"for input 'args\[1\]'"):
        first(mode, lambda x, y: f(x, y, scale=3.0), X, Y)


class Decorated:
    static = override_gradient(staticmethod(triple), ten)
    of_class = override_gradient(classmethod(lambda cls, x: triple(x)), ten)


@pytest.mark.parametrize("name", ["static", "of_class"])
def test_it_stands_above_other_decorators(mode, name):
    assert type(vars(Decorated)[name]) in (staticmethod, classmethod)
    assert_ten_times(mode, getattr(Decorated(), name), X * np.float32(3))
