"""What may be passed to an override, what its backward is handed, and what the backward may return."""

import collections
import itertools

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from tests import modes
from tests.modes import assert_same_bits, flat

X = np.array([[0.5, -1.25, 3.0], [-0.0, 2.0, -7.5]], np.float32)
Y = np.array([[1.5, 0.25, -2.0], [4.0, -0.5, 1.0]], np.float32)
DY = np.float32(2.0)  # what `Mode.first_and_second` gives a single output

Pair = collections.namedtuple("Pair", "first second")

real = getattr(getattr(tf, "math", tf), "real", None) or tf.real


def first(mode, f, *arrays):
    """Return [f's outputs, their gradients], the outputs weighted 2, 3, 5, 7."""

    def program(differentiate, *inputs):
        outputs, gradients = differentiate(f, inputs, [2.0, 3.0, 5.0, 7.0])
        return flat(outputs), gradients

    return mode.run(program, *arrays)


def filled(value, like=X):
    return np.full(like.shape, value, like.dtype)


# --- how the arguments come ------------------------------------------------------------------------------------


def tensors(leaves):
    return [leaf for leaf in leaves if isinstance(leaf, tf.Tensor)]


def crossed(op, dy):
    """Not the gradient of a * b: ten and a hundred times the other factor."""
    a, b = tensors(op.inputs)
    return 10.0 * dy * b, 100.0 * dy * a


#: name: (forward, how it is called); every forward multiplies its first tensor by its second
CALLS = collections.OrderedDict(
    [
        ("positional", (lambda a, b: a * b, lambda f, a, b: f(a, b))),
        ("keywords", (lambda a, b: a * b, lambda f, a, b: f(a=a, b=b))),
        ("keywords in the other order", (lambda a, b: a * b, lambda f, a, b: f(b=b, a=a))),
        ("keywords against the alphabet", (lambda b, a: b * a, lambda f, a, b: f(a=b, b=a))),
        ("positional and keyword", (lambda a, b: a * b, lambda f, a, b: f(a, b=b))),
        ("default left out", (lambda a, b, c=1.0: a * b * c, lambda f, a, b: f(a, b))),
        ("default given", (lambda a, b, c=8.0: a * b * c, lambda f, a, b: f(a, b, 1.0))),
        ("default given by keyword", (lambda a, c=8.0, b=None: a * b * c, lambda f, a, b: f(a, b=b, c=1.0))),
        ("list", (lambda xs: xs[0] * xs[1], lambda f, a, b: f([a, b]))),
        ("tuple", (lambda xs: xs[0] * xs[1], lambda f, a, b: f((a, b)))),
        ("dict", (lambda d: d["a"] * d["b"], lambda f, a, b: f({"b": b, "a": a}))),
        ("ordered dict", (lambda d: d["a"] * d["b"], lambda f, a, b: f(collections.OrderedDict([("b", b), ("a", a)])))),
        ("namedtuple", (lambda pair: pair.first * pair.second, lambda f, a, b: f(Pair(a, b)))),
        ("None between", (lambda xs: xs[0] * xs[2], lambda f, a, b: f([a, None, b]))),
        ("None as argument", (lambda a, nothing, b: a * b, lambda f, a, b: f(a, None, b))),
        ("nested", (lambda n: n["x"][0] * n["x"][1].second, lambda f, a, b: f({"x": [a, Pair(None, b)], "w": "word"}))),
        ("nested by keyword", (lambda n, m: n[0] * m["b"][0], lambda f, a, b: f(m={"b": (b, 1)}, n=[a]))),
        ("empty structures", (lambda e, a, d, b: a * b, lambda f, a, b: f([], a, {}, b))),
        ("*args", (lambda *xs: xs[0] * xs[1], lambda f, a, b: f(a, b))),
        ("*args after one", (lambda a, *rest: a * rest[0], lambda f, a, b: f(a, b, 1.0))),
        ("**kwargs", (lambda **named: named["a"] * named["b"], lambda f, a, b: f(b=b, a=a))),
    ]
)


@pytest.mark.parametrize("case", CALLS)
def test_the_gradient_is_the_overridden_one_however_the_arguments_come(mode, case):
    forward, call = CALLS[case]
    f = override_gradient(forward, crossed)
    outputs, gradients, second = mode.first_and_second(lambda a, b: call(f, a, b), X, Y)
    assert_same_bits(outputs, [X * Y], "outputs")
    assert_same_bits(gradients, [10 * DY * Y, 100 * DY * X], "gradients")
    # of the sum of 2 * 10*dy*b and 3 * 100*dy*a, by a and by b
    assert_same_bits(second, [filled(3 * 100 * DY), filled(2 * 10 * DY)], "second gradients")


def test_keyword_only_arguments(mode):
    @override_gradient(backward=crossed)
    def f(*, b, a):
        return a * b

    outputs, gradients = first(mode, lambda a, b: f(a=a, b=b), X, Y)
    assert_same_bits(outputs, [X * Y])
    # b comes first in the signature: `crossed` gives it ten times a
    assert_same_bits(gradients, [100 * DY * Y, 10 * DY * X])


def test_a_tensor_passed_twice_gets_both_gradients(mode):
    f = override_gradient(lambda a, b: a * b, crossed)
    outputs, gradients = first(mode, lambda x: f(x, b=x), X)
    assert_same_bits(outputs, [X * X])
    assert_same_bits(gradients, [10 * DY * X + 100 * DY * X])


# --- arguments without a gradient ------------------------------------------------------------------------------


class Anything:
    pass


STATIC = collections.OrderedDict(
    [
        ("int", 3),
        ("float", 0.5),
        ("bool", True),
        ("complex", 1j),
        ("string", "relu"),
        ("bytes", b"relu"),
        ("None", None),
        ("NumPy scalar", np.float64(0.5)),
        ("NumPy array", np.arange(6.0).reshape(2, 3)),
        ("NumPy array of strings", np.array(["a", "b"])),
        ("function", tf.abs),
        ("lambda", lambda x: x),
        ("class", Anything),
        ("object", Anything()),
        ("dtype", tf.float64),
        ("NumPy dtype", np.dtype("float32")),
        ("TensorShape", tf.TensorShape([None, 3])),
        ("slice", slice(0, 2)),
        ("set", frozenset([1, 2])),
        ("range", range(3)),
        ("ellipsis", Ellipsis),
    ]
)


@pytest.mark.parametrize("kind", STATIC)
def test_everything_that_is_no_tensor_reaches_forward_and_backward_as_it_is(mode, kind):
    value, reached_forward, reached_backward = STATIC[kind], [], []

    def forward(before, x, after=None):
        reached_forward.extend([before, after])
        return x + 1.0

    def backward(op, dy):
        reached_backward.extend(op.inputs)
        return None, 10.0 * dy, None

    f = override_gradient(forward, backward)
    outputs, gradients = first(mode, lambda x: f(value, x, after=value), X)
    assert all(reached is value for reached in reached_forward)
    assert len(reached_backward) == 3 and isinstance(reached_backward[1], tf.Tensor)
    assert reached_backward[0] is value and reached_backward[2] is value
    assert_same_bits(outputs, [X + np.float32(1)])
    assert_same_bits(gradients, [filled(10 * DY)])


def test_static_values_in_structures_stay_in_their_places(mode):
    found = []

    def forward(config, x):
        assert config == {"axis": [0, 1], "name": "sum", "none": None}
        return x * 1.0

    def backward(op, dy):
        found.append((op.inputs[:4], op.args[0]))
        return 10.0 * dy

    f = override_gradient(forward, backward)
    _, gradients = first(mode, lambda x: f({"axis": [0, 1], "name": "sum", "none": None}, x), X)
    assert found == [([0, 1, "sum", None], {"axis": [0, 1], "name": "sum", "none": None})]
    assert_same_bits(gradients, [filled(10 * DY)])


def test_a_string_argument_takes_its_branch_in_every_mode(mode):
    def forward(x, kind):
        return x * 3.0 if kind == "triple" else x

    f = override_gradient(forward, lambda op, dy: dy * (10.0 if op.inputs[1] == "triple" else 1.0))
    for kind, factor, slope in [("triple", 3, 10), ("same", 1, 1)]:
        outputs, gradients = first(mode, lambda x: f(x, kind), X)  # noqa: B023
        assert_same_bits(outputs, [X * np.float32(factor)])
        assert_same_bits(gradients, [filled(slope * DY)])


@pytest.mark.parametrize("bound", [0.5, np.float32(0.5), np.full((2, 3), 0.5, np.float32), "tensor"], ids=str)
def test_the_second_argument_is_inputs_1_whether_it_is_a_tensor_or_not(mode, bound):
    def backward(op, dy):  # a legacy gradient of tf.maximum(x, bound)
        below = tf.cast(op.inputs[0] < op.inputs[1], tf.float32)
        return dy * (10.0 - 5.0 * below), None

    f = override_gradient(tf.maximum, backward)
    _, gradients = first(mode, lambda x: f(x, tf.constant(0.5) if isinstance(bound, str) else bound), X)
    assert_same_bits(gradients, [np.where(X < 0.5, np.float32(10), np.float32(20))])


def test_a_call_without_any_tensor_is_a_call_of_forward(mode):
    result, calls = Anything(), []

    def forward(*args, **kwargs):
        calls.append((args, kwargs))
        return result

    f = override_gradient(forward, lambda op, dy: dy)
    found = []

    def program(differentiate, x):
        found.extend([f(), f(1, "a", [2.0, None]), f(flag=True)])
        return [x]

    mode.run(program, X)
    assert all(one is result for one in found)
    assert calls == [((), {}), ((1, "a", [2.0, None]), {}), ((), {"flag": True})]


# --- what backward is handed: op -------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(itertools.permutations("cab")), ids="".join)
def test_inputs_come_in_the_order_of_the_signature_in_whatever_order_the_keywords_came(mode, order):
    def forward(c, a, b):
        return c + a + b

    f = override_gradient(forward, lambda op, dy: [dy * op.inputs[index] for index in (0, 1, 2)])
    arrays = {"c": X, "a": Y, "b": X + Y}
    _, gradients = first(mode, lambda *xs: f(**collections.OrderedDict(zip(order, xs))), *[arrays[n] for n in order])
    assert_same_bits(gradients, [DY * arrays[name] for name in order])


def test_args_and_kwargs_have_the_structure_of_the_call(mode):
    found = []

    def backward(op, dy):
        found.append((op.args, op.kwargs, list(op.inputs)))
        return 10.0 * dy, 100.0 * dy, 1000.0 * dy

    f = override_gradient(lambda x, rest, scale, **named: x + rest["y"][0] + named["z"], backward)
    _, gradients = first(mode, lambda x, y, z: f(x, {"y": [y, "s"]}, z=z, scale=0.5), X, Y, X)
    ((args, kwargs, inputs),) = found
    assert isinstance(args, tuple) and isinstance(kwargs, dict)
    assert [inputs[2], inputs[3]] == ["s", 0.5]
    assert args[0] is inputs[0] and args[1]["y"][0] is inputs[1] and args[1]["y"][1] == "s"
    assert sorted(kwargs) == ["scale", "z"] and kwargs["scale"] == 0.5 and kwargs["z"] is inputs[4]
    assert_same_bits(gradients, [filled(10 * DY), filled(100 * DY), filled(1000 * DY)])


def test_inputs_and_outputs_slice_index_and_unpack_like_lists(mode):
    def backward(op, *dys):
        x, *rest = op.inputs
        (only, also) = op.outputs
        assert len(op.inputs) == 3 and len(op.outputs) == 2
        assert op.inputs[0] is x and op.inputs[-1] is rest[-1] and op.inputs[1:][0] is rest[0]
        assert op.inputs[::2][1] is rest[1] and list(reversed(op.inputs))[0] is op.inputs[2]
        assert op.outputs[0] is only and op.outputs[-1] is also and len(op.outputs[:1]) == 1
        assert op.inputs + op.outputs  # lists add
        return [10.0 * dys[0], None, 100.0 * dys[1]]

    f = override_gradient(lambda x, n, y: (x + y, x - y), backward)
    _, gradients = first(mode, lambda x, y: f(x, 7, y), X, Y)
    assert_same_bits(gradients, [filled(20), filled(300)])


def test_op_names_the_override(mode):
    found = []

    def backward(op, dy):
        found.append((op.type, op.name))
        return dy * 10.0

    f = override_gradient(tf.abs, backward, name="my_rule")
    first(mode, f, X)
    ((kind, name),) = found
    assert kind == "my_rule" and "my_rule" in name


def test_self_is_not_among_the_inputs(mode):
    class Model:
        scale = 3.0

        @override_gradient(backward=lambda op, dy, *_: [dy * 10.0 * x for x in op.inputs])
        def call(self, x, y):
            return self.scale * x * y

    outputs, gradients = first(mode, Model().call, X, Y)
    assert_same_bits(outputs, [np.float32(3) * X * Y])
    assert_same_bits(gradients, [DY * 10 * X, DY * 10 * Y])


# --- outputs and their gradients -------------------------------------------------------------------------------


def test_several_outputs_each_with_its_gradient(mode):
    def backward(op, dp, ds):
        a, b = op.inputs
        product, total = op.outputs
        return dp * total + ds, 10.0 * dp * product + 100.0 * ds

    f = override_gradient(lambda a, b: [a * b, a + b], backward)
    outputs, gradients = first(mode, f, X, Y)
    assert_same_bits(outputs, [X * Y, X + Y])
    assert_same_bits(gradients, [2 * (X + Y) + 3, 20 * (X * Y) + filled(300)])


#: name: (what forward makes of two tensors, how the two are found in it)
OUTPUTS = collections.OrderedDict(
    [
        ("tuple", (lambda p, s: (p, s), lambda y: (y[0], y[1]))),
        ("list", (lambda p, s: [p, s], lambda y: (y[0], y[1]))),
        ("dict", (lambda p, s: {"b": s, "a": p}, lambda y: (y["a"], y["b"]))),
        ("namedtuple", (Pair, lambda y: (y.first, y.second))),
        ("nested", (lambda p, s: {"k": [p, (Pair(s, ()),)]}, lambda y: (y["k"][0], y["k"][1][0].first))),
        ("None between", (lambda p, s: (None, p, [None, s], None), lambda y: (y[1], y[2][1]))),
    ]
)


@pytest.mark.parametrize("case", OUTPUTS)
def test_outputs_keep_their_structure_and_come_flat_to_backward(mode, case):
    build, find = OUTPUTS[case]
    structures = []

    def call(a, b):
        result = f(a, b)
        structures.append(result)
        return list(find(result))

    f = override_gradient(lambda a, b: build(a * b, a + b), lambda op, dp, ds: (10.0 * dp, 100.0 * ds + op.outputs[0]))
    outputs, gradients = first(mode, call, X, Y)
    expected = build(None, None)
    assert type(structures[0]) is type(expected)
    assert len(structures[0]) == len(expected)
    if case == "None between":
        assert structures[0][0] is None and structures[0][2][0] is None and structures[0][3] is None
    assert_same_bits(outputs, [X * Y, X + Y])
    assert_same_bits(gradients, [filled(20), filled(300) + X * Y])


def test_numbers_and_numpy_among_the_outputs_become_tensors(mode):
    f = override_gradient(lambda x: (x * 2.0, 3.0, np.float32([1, 2])), lambda op, dy, *rest: 10.0 * dy + rest[0])
    outputs, gradients = first(mode, lambda x: list(f(x)), X)
    assert_same_bits(outputs, [X * np.float32(2), np.float32(3), np.float32([1, 2])])
    assert_same_bits(gradients, [filled(20 + 3)])


def test_an_output_that_is_not_used_has_a_gradient_of_zeros(mode):
    def backward(op, used, unused):
        assert unused.dtype == tf.float32 and unused.shape.as_list() == [2, 1]
        return 10.0 * used + unused

    f = override_gradient(lambda x: (x * 2.0, tf.reduce_sum(x, axis=1)[:, None]), backward)
    _, gradients = first(mode, lambda x: f(x)[0], X)
    assert_same_bits(gradients, [filled(20)])


def test_integer_outputs_have_no_gradient(mode):
    found = []

    def backward(op, indices, dy, flags):
        found.append((indices, flags))
        assert op.outputs[0].dtype == tf.int32 and op.outputs[2].dtype == tf.bool
        return 10.0 * dy

    def forward(x):
        return tf.cast(x, tf.int32), x * 2.0, x > 0.0

    f = override_gradient(forward, backward)
    outputs, gradients = first(mode, lambda x: list(f(x)), X)
    assert found == [(None, None)]
    assert_same_bits(outputs, [X.astype(np.int32), X * np.float32(2), X > 0])
    assert_same_bits(gradients, [filled(30)])  # the second output's weight is 3


@pytest.mark.parametrize("surrogate", [False, True], ids=["backward", "surrogate"])
def test_strings_among_the_outputs(mode, surrogate):
    """Up to 1.13 a tape cannot make zeros of strings, so it must not be told of such outputs."""

    def forward(x):
        return x * 2.0, tf.as_string(x), x > 0.0

    if surrogate:
        f = override_gradient(forward, surrogate=lambda x: (x * 10.0, *forward(x)[1:]))
    else:
        f = override_gradient(forward, lambda op, dy, of_text, of_flag: 10.0 * dy)
    outputs, gradients = first(mode, lambda x: f(x)[0], X)
    assert_same_bits([outputs, gradients], [[2 * X], [filled(20)]])


# --- dtypes and shapes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("gradient_of_indices", ["None", "left out of nothing", "dropped"])
def test_integer_tensors_are_inputs_without_gradient(mode, gradient_of_indices):
    def backward(op, dy):
        x, indices = op.inputs
        assert indices.dtype == tf.int32
        of_indices = {"None": None, "left out of nothing": indices, "dropped": tf.zeros([7])}[gradient_of_indices]
        return 10.0 * dy * tf.cast(indices, tf.float32), of_indices

    f = override_gradient(lambda x, indices: x * tf.cast(indices, tf.float32), backward)
    outputs, gradients = first(mode, lambda x: f(x, tf.constant([[1, 2, 3]])), X)
    assert_same_bits(outputs, [X * np.float32([1, 2, 3])])
    assert_same_bits(gradients, [np.float32([[20, 40, 60]] * 2)])


def test_string_tensors_are_inputs_without_gradient(mode):
    def backward(op, dy):
        words, x = op.inputs
        return None, 10.0 * dy * tf.cast(tf.equal(words, "yes"), tf.float32)

    f = override_gradient(lambda words, x: tf.cast(tf.equal(words, "yes"), tf.float32) * x, backward)
    outputs, gradients = first(mode, lambda x: f(tf.constant(["yes", "no", "yes"]), x), Y)
    assert_same_bits(outputs, [Y * np.float32([1, 0, 1])])
    assert_same_bits(gradients, [np.float32([[20, 0, 20]] * 2)])


def test_a_call_with_integer_tensors_alone_is_a_call_of_forward_in_value(mode):
    f = override_gradient(lambda n, m: n + m, lambda op, dy: (None, None))
    outputs = mode.run(lambda differentiate, n: [f(n, n), f(n, 1)], np.int32([1, 2]))
    assert_same_bits(outputs, [np.int32([2, 4]), np.int32([2, 3])])


def _eager_tapes_start_from(dtype):
    try:
        modes.by_tape(tf.identity, [tf.cast(tf.constant(X), dtype)])
    except (SystemError, ValueError, tf.errors.OpError):
        return False
    return True


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_real_dtypes_keep_their_dtype(mode, dtype):
    tf_dtype, dtypes = getattr(tf, dtype), []
    if dtype == "bfloat16" and modes.HAS_EAGER and not _eager_tapes_start_from(tf_dtype):
        pytest.skip("this TensorFlow's eager tapes cannot make the ones of a bfloat16 gradient (1.7)")

    def backward(op, dy):
        dtypes.extend([op.inputs[0].dtype, op.outputs[0].dtype, dy.dtype])
        # old CPUs' kernels know no bfloat16 but tf.cast
        return tf.cast(10.0 * tf.cast(dy, tf.float32) * tf.cast(op.inputs[0], tf.float32), tf_dtype)

    f = override_gradient(lambda x: tf.cast(2.0 * tf.cast(x, tf.float32), tf_dtype), backward)
    outputs, gradients, second = mode.first_and_second(lambda x: tf.cast(f(tf.cast(x, tf_dtype)), tf.float32), X)
    assert set(dtypes) == {tf_dtype}
    assert_same_bits(outputs, [2 * X])
    assert_same_bits(gradients, [20 * X])
    if dtype != "bfloat16":  # TensorFlow 2.1 loses it between functions: zeros with tf.custom_gradient, too
        assert_same_bits(second, [filled(40)])


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128], ids=lambda dtype: dtype.__name__)
def test_complex_dtypes_keep_the_imaginary_part(mode, dtype):
    z = (X + 1j * Y).astype(dtype)
    factor = dtype(10 + 5j)
    f = override_gradient(lambda z: z * z, lambda op, dy: dy * factor * op.inputs[0])
    outputs, gradients = first(mode, lambda z: real(f(z)), z)
    assert_same_bits(outputs, [(z * z).real])
    assert_same_bits(gradients, [(dtype(2) * factor) * z])


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)], ids=str)
def test_empty_tensors(mode, shape):
    x = np.zeros(shape, np.float32)
    f = override_gradient(lambda x, y: x + y, crossed)
    assert_same_bits(mode.first_and_second(f, x, x), [[x], [x, x], [x, x]])


@pytest.mark.parametrize("shape", [None, (None, 3), (None, None)], ids=str)
def test_placeholders_of_unknown_size(graph, shape):
    x = modes.v1.placeholder(tf.float32, shape)
    y = modes.v1.placeholder(tf.float32, shape)
    f = override_gradient(lambda a, b: a * b, crossed)
    z = f(x, y)
    gradients = modes.v1.gradients(2.0 * z, [x, y])
    second = modes.v1.gradients([2.0 * gradients[0], 3.0 * gradients[1]], [x, y])
    assert z.shape.as_list() == x.shape.as_list() if shape else z.shape.ndims is None
    with modes.v1.Session() as session:
        for a, b in [(X, Y), (X[:1], Y[:1]), (X[:0], Y[:0])]:
            found = session.run([z, gradients, second], {x: a, y: b})
            expected = [a * b, [20 * b, 200 * a], [filled(600, a), filled(40, a)]]
            assert_same_bits(found, expected)


@pytest.mark.parametrize("shape", [None, (None, 3)], ids=str)
def test_functions_of_unknown_size(functions, shape):
    f = override_gradient(lambda a, b: a * b, crossed)
    traced = tf.function(f, input_signature=[tf.TensorSpec(shape, tf.float32)] * 2)
    for a, b in [(X, Y), (X[:1], Y[:1]), (X[:0], Y[:0])]:
        _, gradients = modes.by_tape(traced, [tf.constant(a), tf.constant(b)], [2.0])
        assert_same_bits(modes.to_arrays(gradients), [20 * b, 200 * a])


# --- variables as arguments ------------------------------------------------------------------------------------


def test_a_passed_variable_reaches_forward_as_a_tensor_and_gets_its_gradient(mode):
    seen = []

    def forward(w, x):
        seen.append(w)
        return w * x

    f = override_gradient(forward, crossed)

    def program(differentiate, w, x):
        outputs, gradients = differentiate(lambda w, x: f(w, x=x), [w, x], [2.0])
        return flat(outputs), gradients

    outputs, gradients = mode.run(program, Y, variables=[X])
    assert all(isinstance(w, tf.Tensor) for w in seen)
    assert_same_bits(outputs, [X * Y])
    assert_same_bits(gradients, [20 * Y, 200 * X])


def _mixed_precision_policy():
    for path in ("mixed_precision.Policy", "mixed_precision.experimental.Policy"):
        policy = tf.keras
        for name in path.split("."):
            policy = getattr(policy, name, None)
        if policy is not None:
            try:
                return policy("mixed_float16")
            except ValueError:  # 1.14 has a policy of another kind
                break
    return pytest.skip("this TensorFlow has no mixed precision")


@pytest.mark.parametrize("traced", [False, True])
def test_a_passed_variable_of_mixed_precision_is_read_in_the_layers_dtype(functions, traced):
    seen = []

    def forward(x, w):
        seen.append((type(w), w.dtype))
        return x * w

    f = override_gradient(forward, lambda op, dy: (10.0 * dy, 100.0 * tf.reduce_sum(dy)))

    class Scale(tf.keras.layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(name="w", shape=(), initializer="ones")

        def call(self, x):
            return f(tf.cast(x, tf.float16), self.w)

    layer = Scale(dtype=_mixed_precision_policy())
    layer.build([2, 3])
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = (tf.function(layer) if traced else layer)(x)
    gradients = tape.gradient(y, [x] + layer.trainable_variables)
    gradients = [dy for dy in gradients if dy is not None]  # 1.15 and 2.0 list the variable twice
    assert all(issubclass(kind, tf.Tensor) and dtype == tf.float16 for kind, dtype in seen)
    assert_same_bits(modes.to_arrays(gradients), [filled(10), np.float32(600)])


@pytest.mark.parametrize("resource", [True, False], ids=["resource", "reference"])
def test_a_passed_variable_of_a_plain_graph(graph, resource):
    w = modes.get_variable("w", initializer=X, resource=resource)
    f = override_gradient(lambda structure, y: structure["w"] * y, crossed)
    z = f({"w": w, "none": None}, tf.constant(Y))
    (gradient,) = modes.v1.gradients(2.0 * z, [w])
    with modes.v1.Session() as session:
        session.run(modes.v1.global_variables_initializer())
        found = session.run([z, gradient])
    assert_same_bits(found, [X * Y, 20 * Y])


@pytest.mark.parametrize("resource", [True, False], ids=["resource", "reference"])
def test_a_passed_partitioned_variable(graph, resource):
    with modes.v1.variable_scope("scope", partitioner=modes.v1.fixed_size_partitioner(2)):
        w = modes.get_variable("w", initializer=tf.constant(X), resource=resource)
    f = override_gradient(lambda w, y: w * y, crossed)
    gradients = modes.v1.gradients(2.0 * f(w, tf.constant(Y)), list(w))
    with modes.v1.Session() as session:
        session.run(modes.v1.global_variables_initializer())
        found = session.run(gradients)
    assert_same_bits(found, [20 * Y[:1], 20 * Y[1:]])


@pytest.mark.parametrize("traced", [False, True], ids=["eager", "traced"])
def test_a_passed_sharded_variable(functions, traced):
    """TensorFlow 2's partitioned variable, of its parameter servers."""
    module = pytest.importorskip("tensorflow.python.distribute.sharded_variable", reason="it came with TensorFlow 2.1")
    if not hasattr(module.ShardedVariable, "_type_spec"):
        pytest.skip("to 2.3 TensorFlow can make no tensor of it")
    w = module.ShardedVariable([tf.Variable(X[:1]), tf.Variable(X[1:])])
    f = override_gradient(lambda w, y: w * y, crossed)
    call = tf.function(lambda y: f(w, y)) if traced else lambda y: f(w, y)
    for _ in range(2):
        with tf.GradientTape() as tape:
            z = call(tf.constant(Y))
        gradients = tape.gradient(z, w.variables, 2.0 * tf.ones_like(z))
        assert_same_bits(modes.to_arrays([z] + gradients), [X * Y, 20 * Y[:1], 20 * Y[1:]])


# --- what backward may return ----------------------------------------------------------------------------------

#: name: (backward of (x, "s", {"y": [y, 1.0]}) -> x * y, gradients with respect to x and y)
RETURNS = collections.OrderedDict(
    [
        ("a tuple, one for each tensor", (lambda op, dy: (10.0 * dy, 100.0 * dy), (20, 200))),
        ("a list, one for each tensor", (lambda op, dy: [10.0 * dy, 100.0 * dy], (20, 200))),
        ("one for each leaf", (lambda op, dy: (10.0 * dy, None, 100.0 * dy, None), (20, 200))),
        ("one for each leaf, some dropped", (lambda op, dy: (10.0 * dy, "s", 100.0 * dy, dy), (20, 200))),
        ("the structure", (lambda op, dy: (10.0 * dy, None, {"y": [100.0 * dy, None]}), (20, 200))),
        ("None for one", (lambda op, dy: (None, 100.0 * dy), (None, 200))),
        ("NumPy", (lambda op, dy: (filled(7), np.full((2, 3), 8.0)), (7, 8))),
        ("NumPy integers", (lambda op, dy: (10.0 * dy, np.full((2, 3), 8)), (20, 8))),
        ("lists of NumPy", (lambda op, dy: [filled(7), 10.0 * dy], (7, 20))),
    ]
)


@pytest.mark.parametrize("case", RETURNS)
def test_backward_may_return(mode, case):
    backward, expected = RETURNS[case]
    f = override_gradient(lambda x, s, d: x * d["y"][0], backward)
    _, gradients = first(mode, lambda x, y: f(x, "s", {"y": [y, 1.0]}), X, Y)
    assert_same_bits(gradients, [None if value is None else filled(value) for value in expected])


def test_backward_may_return_a_variable(functions):
    """Which is read where backward returns it: in a function where its gradient can read one (not on 1.15 and 2.0)."""
    found = modes.variable(filled(7))
    f = override_gradient(tf.identity, lambda op, dy: found)
    outside = [modes.by_tape_outside] if modes.gradients_of_functions_take_variables() else []
    for differentiate in [modes.by_tape, *outside]:
        (gradient,) = differentiate(f, [tf.constant(X)])[1]
        assert_same_bits(gradient.numpy(), filled(7))


def test_the_gradient_may_be_that_of_an_op_that_has_none(mode):
    """ZerosLike is registered as not differentiable."""
    stopped = override_gradient(lambda x: 2.0 * x, "ZerosLike")
    (y, through), (gradient,) = first(mode, lambda x: [stopped(x), 3.0 * x], X)
    assert_same_bits([y, through, gradient], [2.0 * X, 3.0 * X, filled(9)])


def test_backward_may_return_a_dict_by_the_names_of_the_keywords(mode):
    """The structure of the arguments of f(w=..., b=...) is a dict: its order is not that of the signature."""
    f = override_gradient(lambda w, b: w * b, lambda op, dy: {"w": 10.0 * dy, "b": 100.0 * dy})
    _, gradients = first(mode, lambda w, b: f(w=w, b=b), X, Y)
    assert_same_bits(gradients, [filled(20), filled(200)])


#: name: backward of f(a, d=d, c=c) -> a * d * c: the keywords come in the order of the signature, not of the alphabet
BY_NAME = collections.OrderedDict(
    [
        ("args and kwargs", lambda op, dy: (tuple(10.0 * dy for _ in op.args), {"c": 1000.0 * dy, "d": 100.0 * dy})),
        ("the names", lambda op, dy: {"c": 1000.0 * dy, "a": 10.0 * dy, "d": 100.0 * dy}),
        ("op.arguments", lambda op, dy: {name: grown(op, name, dy) for name in op.arguments}),
        ("op.arguments, without the plain ones", lambda op, dy: {name: grown(op, name, dy) for name in "dca"}),
        ("their order", lambda op, dy: [10.0 * dy, 100.0 * dy, 1000.0 * dy]),
    ]
)


def grown(op, name, dy):
    return {"a": 10.0, "d": 100.0, "c": 1000.0}[name] * dy if name in "adc" else None


@pytest.mark.parametrize("case", BY_NAME)
def test_backward_may_return_the_arguments_by_name(mode, case):
    f = override_gradient(lambda a, d, c, factor=1.0, *more, **named: a * d * c * factor, BY_NAME[case])
    _, gradients = first(mode, lambda a, d, c: f(a, d=d, c=c), X, Y, X)
    assert_same_bits(gradients, [filled(20), filled(200), filled(2000)])


#: name: what is neither by name nor in order the gradients of f(a, d=d, c=c)
NOT_BY_NAME = {
    "a tensor is missing": lambda dy: {"a": dy, "d": dy},
    "too many positional ones": lambda dy: ((dy, dy), {"c": dy, "d": dy}),
    "a keyword is missing": lambda dy: ((dy,), {"c": dy}),
}


@pytest.mark.parametrize("case", sorted(NOT_BY_NAME))
def test_names_that_are_not_those_of_the_arguments_are_refused(mode, case):
    f = override_gradient(lambda a, d, c: a * d * c, lambda op, dy: NOT_BY_NAME[case](dy))
    with pytest.raises(ValueError, match="backward returned"):
        first(mode, lambda a, d, c: f(a, d=d, c=c), X, Y, X)


def test_backward_may_return_what_goes_to_args_and_kwargs_under_their_names(mode):
    def backward(op, dy):
        assert set(op.arguments) == {"x", "rest", "named"}
        return {"x": 10.0 * dy, "rest": (None, 100.0 * dy), "named": {"z": 1000.0 * dy}}

    f = override_gradient(lambda x, *rest, **named: x * rest[0] * rest[1] * named["z"], backward)
    _, gradients = first(mode, lambda x, y, z: f(x, 1.0, y, z=z), X, Y, X)
    assert_same_bits(gradients, [filled(20), filled(200), filled(2000)])


#: name: backward of f(x, "s", {"y": y, "n": 1.0}), with gradients of what has one only
WITHOUT_THE_PLAIN = collections.OrderedDict(
    [
        ("in places", lambda op, dy: (10.0 * dy, {"y": 100.0 * dy, "n": None})),
        ("in a mapping", lambda op, dy: (10.0 * dy, None, {"y": 100.0 * dy})),
        ("in both", lambda op, dy: (10.0 * dy, {"y": 100.0 * dy})),
        ("by the names", lambda op, dy: {"d": {"y": 100.0 * dy}, "x": 10.0 * dy}),
    ]
)


@pytest.mark.parametrize("case", WITHOUT_THE_PLAIN)
def test_backward_may_leave_out_what_has_no_gradient(mode, case):
    f = override_gradient(lambda x, s, d: x * d["y"] * d["n"], WITHOUT_THE_PLAIN[case])
    _, gradients = first(mode, lambda x, y: f(x, "s", {"y": y, "n": 1.0}), X, Y)
    assert_same_bits(gradients, [filled(20), filled(200)])


#: name: backward of f({"a": [y, z]}, x=x) -> y * z * x with no gradient of the dict
NONE_FOR_A_STRUCTURE = collections.OrderedDict(
    [
        ("in the order of the arguments", lambda op, dy: (None, 10.0 * dy)),
        ("by the names", lambda op, dy: {"d": None, "x": 10.0 * dy}),
        ("of args and kwargs", lambda op, dy: ((None,), {"x": 10.0 * dy})),
        ("of a part", lambda op, dy: ({"a": None}, 10.0 * dy)),
    ]
)


@pytest.mark.parametrize("case", NONE_FOR_A_STRUCTURE)
def test_backward_may_return_none_for_a_whole_structure(mode, case):
    f = override_gradient(lambda d, x: d["a"][0] * d["a"][1] * x, NONE_FOR_A_STRUCTURE[case])
    _, gradients = first(mode, lambda y, z, x: f({"a": [y, z]}, x=x), X, Y, X)
    assert_same_bits(gradients, [None, None, filled(20)])


def test_backward_may_return_none_for_all_structures(mode):
    f = override_gradient(lambda d, x: d["a"][0] * d["a"][1] * x, lambda op, dy: None)
    _, gradients = first(mode, lambda y, z, x: [f({"a": [y, z]}, x), x * 1.0], X, Y, X)
    assert_same_bits(gradients, [None, None, filled(3)])


@pytest.mark.parametrize("value", [7, 7.0, np.float64(7), np.int64(7), np.array(7.0)], ids=lambda v: type(v).__name__)
def test_backward_may_return_a_number_for_a_scalar(mode, value):
    f = override_gradient(lambda x: 3.0 * x, lambda op, dy: value)
    _, gradients = first(mode, f, np.float32(5))
    assert_same_bits(gradients, [np.float32(7)])


def test_backward_may_return_a_single_value_for_a_single_tensor(mode):
    f = override_gradient(lambda kind, x: 3.0 * x, lambda op, dy: 10.0 * dy)
    _, gradients = first(mode, lambda x: f("kind", x), X)
    assert_same_bits(gradients, [filled(20)])


@pytest.mark.parametrize("nothing", [None, [None], (None, None)], ids=str)
def test_backward_may_return_none_for_no_gradient(mode, nothing):
    f = override_gradient(lambda kind, x: 3.0 * x, lambda op, dy: nothing)
    outputs, gradients = first(mode, lambda x: [f("kind", x), x * x], X)
    assert_same_bits(outputs, [3 * X, X * X])
    assert_same_bits(gradients, [3 * 2 * X])


def test_backward_may_return_none_for_everything(mode):
    f = override_gradient(lambda x: 3.0 * x, lambda op, dy: None)
    _, gradients = first(mode, f, X)
    assert_same_bits(gradients, [None])


@pytest.mark.parametrize("level", ["whole", "ops"])
def test_a_traced_call_may_have_no_gradient_at_all(mode, level):
    """On 1.15 the tape around a function without any gradient of a computed input is in an "Invalid tape state"."""
    if level == "ops" and modes.executing_eagerly() and not modes.HAS_FUNCTIONS:
        pytest.skip("TensorFlow has tf.function from 1.14 on")

    def program(differentiate, w, x):
        options = {"strategy": "gradient_override_map"} if level == "whole" else {}
        backward = (lambda op, dy: (None, None)) if level == "whole" else {"Mul": lambda op, dy: (None, None)}
        f = override_gradient(lambda w, x: tf.multiply(w, x), backward, **options)
        outputs, gradients = differentiate(lambda w, x: [f(w, x * 1.0), x * 1.0, w * 1.0], [w, x], [2.0, 3.0, 5.0])
        return flat(outputs), gradients

    for _ in range(2):
        outputs, gradients = mode.run(program, Y, variables=[X])
        assert_same_bits(outputs, [X * Y, Y, X])
        assert_same_bits(gradients, [filled(5), filled(3)])


def test_backward_may_return_indexed_slices(mode):
    def backward(op, dy):
        return tf.IndexedSlices(10.0 * dy, tf.constant([2, 0]), tf.constant([3, 2])), None

    f = override_gradient(tf.gather, backward)
    outputs, gradients = first(mode, lambda x: f(x, tf.constant([2, 0])), X.T.copy())
    assert_same_bits(outputs, [X.T[[2, 0]]])
    assert_same_bits(gradients, [np.float32([[20, 20], [0, 0], [20, 20]])])


#: name: what tf.IndexedSlices takes beside the values without a word
SLICES_OF = collections.OrderedDict(
    [
        ("dense_shape a list", lambda values: (values, tf.constant([2, 0]), [3, 2])),
        ("dense_shape a tuple", lambda values: (values, tf.constant([2, 0]), (3, 2))),
        ("dense_shape a TensorShape", lambda values: (values, tf.constant([2, 0]), tf.TensorShape([3, 2]))),
        ("dense_shape an array", lambda values: (values, tf.constant([2, 0]), np.array([3, 2]))),
        ("indices a list", lambda values: (values, [2, 0], [3, 2])),
        ("indices an array", lambda values: (values, np.array([2, 0]), [3, 2])),
        ("all NumPy", lambda values: (np.full([2, 2], 20.0), np.array([2, 0]), np.array([3, 2]))),
    ]
)


@pytest.mark.parametrize("case", SLICES_OF)
def test_backward_may_return_indexed_slices_that_are_not_made_of_tensors(mode, case):
    f = override_gradient(tf.gather, lambda op, dy: [tf.IndexedSlices(*SLICES_OF[case](10.0 * dy)), None])
    _, gradients = first(mode, lambda x: f(x, tf.constant([2, 0])), X.T.copy())
    assert_same_bits(gradients, [np.float32([[20, 20], [0, 0], [20, 20]])])


def test_indexed_slices_of_a_wrong_dense_shape_are_refused(mode):
    f = override_gradient(tf.gather, lambda op, dy: [tf.IndexedSlices(dy, [2, 0], [4, 2]), None], name="rows")
    with pytest.raises(ValueError, match="'rows': backward returned a gradient of shape"):
        first(mode, lambda x: f(x, tf.constant([2, 0])), X.T.copy())


def test_indexed_slices_come_to_backward_as_tensorflow_gives_them(mode):
    found = []

    def backward(op, dy):
        found.append(type(dy))
        return 10.0 * tf.convert_to_tensor(dy)

    f = override_gradient(lambda x: 3.0 * x, backward)
    outputs, gradients = first(mode, lambda x: tf.gather(f(x), tf.constant([2, 0])), X.T.copy())
    assert_same_bits(outputs, [3 * X.T[[2, 0]]])
    assert_same_bits(gradients, [np.float32([[20, 20], [0, 0], [20, 20]])])


def test_a_legacy_gradient_of_one_tensor_may_come_by_its_registered_name(mode):
    name = "test_arguments_{}".format(abs(hash(mode.name)))
    modes.v1.RegisterGradient(name)(lambda op, dy: 10.0 * dy * op.inputs[0])
    f = override_gradient(tf.identity, name)
    outputs, gradients, second = mode.first_and_second(f, X)
    assert_same_bits([outputs, gradients, second], [[X], [20 * X], [filled(40)]])


# --- IndexedSlices of the rows that forward gathered -------------------------------------------------------------


@override_gradient(
    backward=lambda op, dy: [
        tf.IndexedSlices(dy * tf.gather(op.inputs[0], op.inputs[1]), op.inputs[1], tf.constant([3, 1])),
        None,
    ]
)
def gathered(table, rows):
    return tf.gather(table, rows)


def test_the_indices_of_returned_slices_may_be_an_input_under_tape_and_function(functions):
    table, rows = tf.constant([[2.0], [3.0], [5.0]]), tf.constant([2, 0])
    with tf.GradientTape() as second_tape:
        second_tape.watch(table)
        with tf.GradientTape() as tape:
            tape.watch(table)
            y = tf.function(lambda table, rows: gathered(table, rows))(table, rows)
        first = tf.convert_to_tensor(tape.gradient(y, table))
    assert first.numpy().tolist() == [[2.0], [0.0], [5.0]]
    if not modes.functions_have_second_derivatives():
        pytest.skip("this TensorFlow has no second derivatives by tapes around a tf.function (1.14)")
    try:
        second = tf.convert_to_tensor(second_tape.gradient(first, table))
    except (AssertionError, ValueError) as error:
        if "must be Tensors" not in str(error) and "but got CompositeTensor" not in str(error):
            raise
        pytest.skip("this TensorFlow's functions take no IndexedSlices as output gradients (1.15 to 2.1)")
    assert second.numpy().tolist() == [[1.0], [0.0], [1.0]]


def test_forward_mode_takes_slices_that_a_backward_returns(functions):
    if not hasattr(getattr(tf, "autodiff", None), "ForwardAccumulator"):
        pytest.skip("this TensorFlow has no ForwardAccumulator")
    table, rows = tf.constant([[2.0], [3.0], [5.0]]), tf.constant([2, 0])
    functions = [gathered, tf.function(gathered)]
    try:  # tf.gather's own gradient is IndexedSlices
        with tf.autodiff.ForwardAccumulator(table, tf.ones([3, 1])):
            tf.function(lambda: tf.gather(table, rows))()
    except AttributeError:
        del functions[1]  # forward mode through functions takes none at all (2.1)
    for function in functions:
        with tf.autodiff.ForwardAccumulator(table, tf.constant([[1.0], [10.0], [100.0]])) as accumulator:
            y = function(table, rows)
        assert accumulator.jvp(y).numpy().tolist() == [[500.0], [2.0]]
