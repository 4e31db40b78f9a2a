"""Variables that forward captures: found in every mode, refused without ``variables``, given their gradients with."""

import re

import numpy as np
import pytest
import tensorflow as tf

from compat_grad import override_gradient
from tests import modes
from tests.modes import assert_same_bits, flat

X = np.array([[0.5, -1.25, 3.0], [-0.0, 2.0, -7.5]], np.float32)
WEIGHTS = [2.0, 3.0, 5.0, 7.0]


def variable(value, name, trainable=True):
    """Make a variable of the kind that is usual in this mode (a reference variable in TensorFlow 1's graphs)."""
    if modes.BEHAVIOUR == "eager" and modes.executing_eagerly():
        return tf.contrib.eager.Variable(value, name=name, trainable=trainable)
    return tf.Variable(value, name=name, trainable=trainable)


def first_and_second(mode, f, variables):
    """Return [outputs, gradients, second gradients] of f at X, by the variables and then by x."""

    def call(*both):
        return f(both[-1])  # f captures the variables

    def program(differentiate, x):
        def first(*both):
            _, gradients = differentiate(call, both, WEIGHTS)
            return [gradient for gradient in gradients if gradient is not None]

        both = list(variables) + [x]
        outputs, gradients = differentiate(call, both, WEIGHTS)
        _, second = differentiate(first, both, WEIGHTS)
        return flat(outputs), gradients, second

    return mode.run(program, X)


@pytest.fixture
def gradients_read_variables(mode):
    """A TensorFlow whose functions allow a gradient to read a variable, which the public tf.custom_gradient tells."""
    if mode is not modes.TAPE_OUTSIDE:
        return
    w = tf.Variable(5.0)
    control = tf.custom_gradient(lambda x: (3.0 * x, lambda dy: dy * w))
    try:
        mode.run(lambda differentiate, x: differentiate(control, [x])[1], X)
    except tf.errors.InvalidArgumentError:
        pytest.skip("this TensorFlow's functions have no gradients that read variables (1.15, 2.0)")


def refused(mode, f):
    """Return what the override says when it is called."""
    with pytest.raises(ValueError) as caught:
        mode.run(lambda differentiate, x: flat(differentiate(f, [x])[0]), X)
    return str(caught.value)


def f32(*values):
    return [np.float32(value) for value in values]


# --- without ``variables`` -------------------------------------------------------------------------------------


def test_a_captured_variable_is_refused_by_name_and_told_the_way_out(mode):
    w = variable(3.0, "kernel")
    f = override_gradient(lambda x: w * x, lambda op, dy: dy, name="scale")
    message = refused(mode, f)
    for words in ["'scale'", "kernel", "pass it as an argument", "`variables`"]:
        assert words in message


@pytest.mark.parametrize("strategy", ["auto", "gradient_override_map"])
def test_a_captured_variable_that_forward_returns_unread_is_refused(mode, strategy):
    """It becomes a tensor only after forward has returned, when nothing watches any more."""
    if strategy != "auto" and mode is modes.EAGER and not modes.HAS_FUNCTIONS:
        pytest.skip("TensorFlow has tf.function from 1.14 on")
    w = variable(3.0, "kernel")
    f = override_gradient(lambda x: (x * 2.0, w), lambda op, dy, dw: dy, strategy=strategy)
    assert "kernel" in refused(mode, f)


def test_all_captured_variables_are_named(mode):
    w, b = variable(3.0, "kernel"), variable(1.0, "bias")
    f = override_gradient(lambda x: w * x + b, lambda op, dy: dy)
    message = refused(mode, f)
    assert "kernel" in message and "bias" in message


def test_nothing_is_refused_for_variables_that_are_not_trainable(mode):
    w = variable(3.0, "kernel", trainable=False)
    f = override_gradient(lambda x: w * x, lambda op, dy: 10.0 * dy)
    outputs, gradients, _ = first_and_second(mode, f, [])
    assert_same_bits([outputs, gradients], [[3 * X], [np.full_like(X, 20)]])


def test_nothing_is_refused_for_a_variable_that_only_backward_reads(mode, gradients_read_variables):
    w = variable(5.0, "kernel")
    f = override_gradient(lambda x: 3.0 * x, lambda op, dy: dy * w)
    outputs, gradients, second = first_and_second(mode, f, [])
    assert_same_bits([outputs, gradients], [[3 * X], [np.full_like(X, 10)]])


def test_backward_may_assign_a_variable(mode, gradients_read_variables):
    w = variable(5.0, "kernel", trainable=False)

    def backward(op, dy):
        with tf.control_dependencies([w.assign_add(1.0)]):
            return dy * w.read_value()

    f = override_gradient(lambda x: 3.0 * x, backward)
    gradients = mode.run(lambda differentiate, x: differentiate(f, [x])[1], X)
    assert_same_bits(gradients, [np.full_like(X, 6)])


@pytest.mark.parametrize("use", ["argument", "computed argument"])
def test_a_variable_behind_an_argument_is_not_captured(mode, use):
    w = variable(3.0, "kernel")
    f = override_gradient(lambda x, w: x * w, lambda op, dy: [10.0 * dy, 100.0 * tf.reduce_sum(dy)])
    argument = (lambda: w) if use == "argument" else (lambda: w * 1.0)
    outputs, gradients, _ = first_and_second(mode, lambda x: f(x, argument()), [w])
    assert_same_bits([outputs, gradients], [[3 * X], [np.float32(1200), np.full_like(X, 20)]])


# --- captured tensors ------------------------------------------------------------------------------------------


def test_a_captured_tensor_gets_no_gradient(mode):
    def call(captured, x):
        f = override_gradient(lambda x: x * captured, lambda op, dy: 10.0 * dy)
        return f(x)

    outputs, gradients = mode.run(lambda differentiate, c, x: _flatly(differentiate(call, [c, x], WEIGHTS)), X + 1, X)
    assert_same_bits([outputs, gradients], [[(X + 1) * X], [None, np.full_like(X, 20)]])


def test_a_captured_tensor_gets_no_gradient_when_nothing_else_is_differentiated(mode):
    def program(differentiate, captured, x):
        f = override_gradient(lambda x: x * captured, lambda op, dy: 10.0 * dy)
        return differentiate(lambda captured: f(x), [captured])[1]

    if mode is modes.TAPE_OUTSIDE:  # the function must hand the tensor on, not capture it itself

        def program(differentiate, captured, x):
            def call(captured):
                return override_gradient(lambda x: x * captured, lambda op, dy: 10.0 * dy)(x)

            return differentiate(call, [captured])[1]

    assert_same_bits(mode.run(program, X + 1, X), [None])


@pytest.mark.parametrize("how", ["computed", "identity", "read_value"])
def test_a_captured_tensor_that_was_read_from_a_variable_before_is_a_captured_tensor(mode, how):
    w = variable(3.0, "kernel")
    read = {"computed": lambda: w * 1.0, "identity": lambda: tf.identity(w), "read_value": lambda: w.read_value()}[how]

    def call(w_, x):
        captured = read()
        return override_gradient(lambda x: x * captured, lambda op, dy: 10.0 * dy)(x)

    program = lambda differentiate, x: _flatly(differentiate(call, [w, x], WEIGHTS))  # noqa: E731
    outputs, gradients = mode.run(program, X)
    assert_same_bits([outputs, gradients], [[3 * X], [None, np.full_like(X, 20)]])


def _flatly(outputs_and_gradients):
    outputs, gradients = outputs_and_gradients
    return flat(outputs), gradients


# --- with ``variables`` ----------------------------------------------------------------------------------------


def test_variables_get_the_gradients_that_backward_gives_them(mode, gradients_read_variables):
    w, b, seen = variable(3.0, "kernel"), variable(1.0, "bias"), []

    def backward(op, dy, variables):
        seen.append(variables)
        x, y = op.inputs[0], op.outputs[0]
        return 10.0 * dy * variables[0], [tf.reduce_sum(dy * x) * 100.0, tf.reduce_sum(dy * y)]

    f = override_gradient(lambda x: w * x + b, backward)
    outputs, gradients, second = first_and_second(mode, f, [w, b])
    y = 3 * X + 1
    assert_same_bits(outputs, [y])
    assert_same_bits(gradients, f32(200 * X.sum(), 2 * y.sum()) + [np.full_like(X, 60)])
    # Weighted 2, 3, 5, the first gradients are 2*200*sum(x), 3*2*sum(y), 5*20*w*n; y is the override once more,
    # with 6 flowing into each of its elements.
    n = X.size
    of_w = 600 * X.sum() + 5 * 20 * n
    assert_same_bits(second, f32(of_w, 6 * y.sum()) + [np.full_like(X, 400 + 10 * 6 * 3)])
    assert all(isinstance(variables, list) and variables[0] is w and variables[1] is b for variables in seen)


def test_variables_come_in_the_order_of_their_creation(mode):
    """Not in that of their use, which eager mode does not tell; the same order in every mode."""
    letters = "zamqyb"
    created = [variable(1.0, letter) for letter in letters]
    by_name = dict(zip(letters, created))

    def forward(x):
        for letter in sorted(letters):
            x = x * by_name[letter]
        return x

    def backward(op, dy, variables):
        assert [v.name for v in variables] == [v.name for v in created]
        return dy, [tf.reduce_sum(dy) * float(index) for index in range(len(letters))]

    f = override_gradient(forward, backward)
    outputs, gradients = mode.run(lambda differentiate, x: differentiate(lambda *b: f(b[-1]), created + [x], [2.0]), X)
    assert_same_bits([outputs, gradients], [X, f32(0, 12, 24, 36, 48, 60) + [np.full_like(X, 2)]])


def test_a_variable_that_forward_returns_unread_gets_its_gradient(mode):
    w = variable(3.0, "kernel")
    f = override_gradient(lambda x: (2.0 * x, w), lambda op, dy, dw, variables: (10.0 * dy, [100.0 * dw]))
    outputs, gradients, _ = first_and_second(mode, f, [w])
    assert_same_bits([outputs, gradients], [[2 * X, np.float32(3)], [np.float32(300), np.full_like(X, 20)]])


def test_a_backward_that_takes_variables_is_called_without_when_there_are_none(mode):
    def backward(op, dy, variables=None):
        assert variables is None
        return 10.0 * dy

    _, gradients, _ = first_and_second(mode, override_gradient(lambda x: 3.0 * x, backward), [])
    assert_same_bits(gradients, [np.full_like(X, 20)])


def test_variables_may_come_by_keyword_arguments_of_any_name(mode, gradients_read_variables):
    w = variable(3.0, "kernel")

    def backward(op, dy, **options):
        (only,) = options["variables"]
        return 10.0 * dy, [tf.reduce_sum(dy) * only]

    _, gradients, _ = first_and_second(mode, override_gradient(lambda x: w * x, backward), [w])
    assert_same_bits(gradients, [np.float32(36), np.full_like(X, 20)])


def test_a_variable_may_be_left_without_a_gradient(mode):
    w, b = variable(3.0, "kernel"), variable(1.0, "bias")
    f = override_gradient(lambda x: w * x + b, lambda op, dy, variables: (dy, [None, tf.reduce_sum(dy)]))
    _, gradients, _ = first_and_second(mode, f, [w, b])
    assert_same_bits(gradients, [None, np.float32(12), np.full_like(X, 2)])


def test_a_variable_among_others_that_are_not_used_is_the_only_one_found(mode):
    others = [variable(1.0, "other") for _ in range(3)]
    w = variable(3.0, "kernel")

    def backward(op, dy, variables):
        assert len(variables) == 1 and variables[0] is w
        return dy, [10.0 * tf.reduce_sum(dy)]

    _, gradients, _ = first_and_second(mode, override_gradient(lambda x: w * x, backward), others + [w])
    assert_same_bits(gradients, [None, None, None, np.float32(120), np.full_like(X, 2)])


def test_an_override_is_called_twice_on_one_variable(mode):
    w = variable(3.0, "kernel")
    f = override_gradient(lambda x: w * x, lambda op, dy, variables: (10.0 * dy, [tf.reduce_sum(dy)]))
    _, gradients, _ = first_and_second(mode, lambda x: f(f(x)), [w])
    assert_same_bits(gradients, [np.float32(12 + 120), np.full_like(X, 200)])


@pytest.mark.skipif(not hasattr(tf, "contrib"), reason="TensorFlow 2 has no tf.contrib.eager.defun")
def test_a_function_from_before_tf_function_may_call_what_captures_a_variable(eager):
    """To 1.10 its backward is cut out of its own graph, and may wait for nothing that is left there."""
    w = variable(3.0, "w")
    f = override_gradient(lambda x: w * x, lambda op, dy, variables: ([10.0 * dy], [7.0 * tf.reduce_sum(dy)]))

    def gradients(x, w):
        return modes.by_tape(lambda x, w: tf.contrib.eager.defun(f)(x), [x, w], [tf.ones_like(x)])[1]

    found = modes.to_arrays(list(gradients(tf.constant(X), w)))
    assert_same_bits(found, [np.full_like(X, 10.0), np.float32(7.0 * X.size)])


def read_in_cond(w, x):
    return tf.cond(tf.reduce_sum(x) < 1e6, lambda: w * x, lambda: x)


def read_in_while(w, x):
    return tf.while_loop(lambda i, y: i < 1, lambda i, y: (i + 1, w * y), [tf.constant(0), x])[1]


def read_in_while_in_cond(w, x):
    return tf.cond(tf.reduce_sum(x) < 1e6, lambda: read_in_while(w, x), lambda: x)


def read_through_a_gather(w, x):
    return tf.gather(tf.reshape(w, [1]), tf.zeros([2, 3], tf.int32)) * x


def read_in_a_function(w, x):
    return tf.function(lambda x: w * x)(x)


def read_in_an_inner_override_as_argument(w, x):
    return override_gradient(lambda w, x: w * x, lambda op, dy: (None, dy))(w, x)


READS = [
    read_in_cond,
    read_in_while,
    read_in_while_in_cond,
    read_through_a_gather,
    read_in_a_function,
    read_in_an_inner_override_as_argument,
]


@pytest.mark.parametrize("read", READS, ids=lambda read: read.__name__)
def test_a_variable_is_found_wherever_forward_reads_it(mode, read):
    if read is read_in_a_function and not hasattr(tf, "function"):
        pytest.skip("TensorFlow has tf.function from 1.14 on")
    w = variable(3.0, "kernel")
    assert "kernel" in refused(mode, override_gradient(lambda x: read(w, x), lambda op, dy: dy))

    def backward(op, dy, variables):
        assert len(variables) == 1 and variables[0] is w
        return 10.0 * dy, [100.0 * tf.reduce_sum(dy)]

    outputs, gradients, _ = first_and_second(mode, override_gradient(lambda x: read(w, x), backward), [w])
    assert_same_bits([outputs, gradients], [[3 * X], [np.float32(1200), np.full_like(X, 20)]])


# --- kinds of variables in plain graphs ------------------------------------------------------------------------


def in_session(*fetches):
    with modes.v1.Session() as session:
        session.run(modes.v1.global_variables_initializer())
        return session.run(list(fetches))


KINDS = [pytest.param(True, id="resource"), pytest.param(False, id="reference")]


@pytest.mark.parametrize("resource", KINDS)
@pytest.mark.parametrize("read", READS[:4], ids=lambda read: read.__name__)
def test_both_kinds_of_variables_in_a_plain_graph(graph, resource, read):
    w = modes.get_variable("kernel", initializer=3.0, resource=resource)
    x = tf.constant(X)
    with pytest.raises(ValueError, match="kernel"):
        override_gradient(lambda x: read(w, x), lambda op, dy: dy)(x)

    def backward(op, dy, variables):
        assert len(variables) == 1 and variables[0] is w
        return 10.0 * dy, [100.0 * tf.reduce_sum(dy)]

    y = override_gradient(lambda x: read(w, x), backward)(x)
    found = in_session(y, *modes.v1.gradients(2.0 * y, [w, x]))
    assert_same_bits(found, [3 * X, np.float32(1200), np.full_like(X, 20)])


def in_a_branch(f, x):
    return tf.cond(tf.reduce_sum(x) < 1e6, lambda: f(x), lambda: x)


def in_a_loop(f, x):
    return tf.while_loop(lambda i, y: i < 1, lambda i, y: (i + 1, f(y)), [tf.constant(0), x])[1]


def in_a_loop_in_a_branch(f, x):
    return tf.cond(tf.reduce_sum(x) < 1e6, lambda: in_a_loop(f, x), lambda: x)


@pytest.mark.parametrize("resource", KINDS)
@pytest.mark.parametrize("call", [in_a_branch, in_a_loop, in_a_loop_in_a_branch], ids=lambda call: call.__name__)
def test_an_override_in_a_branch_or_loop_finds_both_kinds_of_variables(graph, resource, call):
    """From 2.0 on branches and loops are functions, in which a reference variable is a placeholder."""
    w = modes.get_variable("kernel", 3.0, resource)
    x = tf.constant(X)

    def backward(op, dy, variables):
        assert len(variables) == 1 and variables[0] is w
        return 10.0 * dy, [100.0 * tf.reduce_sum(dy)]

    y = call(override_gradient(lambda x: w * x, backward), x)
    try:
        gradients = modes.v1.gradients(2.0 * y, [w, x])
    except ValueError as error:
        with pytest.raises(ValueError, match=re.escape(str(error)[:40])):  # of TensorFlow itself
            modes.v1.gradients(call(lambda x: w * x, x), w)
        pytest.skip("this TensorFlow fails to differentiate what a branch reads of a resource variable (1.1, 1.2)")
    if gradients[0] is None:
        assert resource and modes.v1.gradients(call(lambda x: w * x, x), w) == [None]
        pytest.skip("this TensorFlow loses the gradient of a resource variable in a branch (1.4)")
    assert_same_bits(in_session(y, *gradients), [3 * X, np.float32(1200), np.full_like(X, 20)])
    with pytest.raises(ValueError, match="kernel"):  # last, because 1.4 never leaves a branch that raised
        call(override_gradient(lambda x: w * x, lambda op, dy: dy), x)


def test_a_branch_may_use_what_was_read_from_a_reference_variable_before(graph):
    w = modes.get_variable("kernel", 3.0, resource=False)
    x, captured = tf.constant(X), tf.identity(w)
    y = in_a_branch(override_gradient(lambda x: captured * x, lambda op, dy: 10.0 * dy), x)
    assert_same_bits(in_session(y, *modes.v1.gradients(y, [x])), [3 * X, np.full_like(X, 10)])


def test_looking_for_variables_leaves_no_collection_behind(graph):
    before = graph.get_all_collection_keys()
    override_gradient(lambda x: 3.0 * x, lambda op, dy: dy)(tf.constant(X))
    assert graph.get_all_collection_keys() == before


@pytest.mark.parametrize("resource", KINDS)
def test_the_parts_of_a_partitioned_variable(graph, resource):
    with modes.v1.variable_scope("scope", partitioner=modes.v1.fixed_size_partitioner(2)):
        w = modes.get_variable("kernel", initializer=tf.constant(X), resource=resource)
    x = tf.constant(X)
    with pytest.raises(ValueError, match=r"kernel/part_0.*kernel/part_1"):
        override_gradient(lambda x: w * x, lambda op, dy: dy)(x)

    def backward(op, dy, variables):
        assert [v.name for v in variables] == [v.name for v in w]
        return 10.0 * dy, [dy[:1], 100.0 * dy[1:]]

    y = override_gradient(lambda x: w * x, backward)(x)
    found = in_session(y, *modes.v1.gradients(2.0 * y, list(w) + [x]))
    assert_same_bits(found, [X * X, np.full_like(X[:1], 2), np.full_like(X[1:], 200), np.full_like(X, 20)])


@pytest.mark.parametrize("resource", KINDS)
def test_a_variable_that_is_cached_on_a_device(graph, resource):
    with modes.v1.variable_scope("scope", caching_device="/cpu:0"):
        w = modes.get_variable("kernel", initializer=3.0, resource=resource)
    with pytest.raises(ValueError, match="kernel"):
        override_gradient(lambda x: w * x, lambda op, dy: dy)(tf.constant(X))


@pytest.mark.parametrize("resource", KINDS)
def test_a_variable_that_forward_makes_with_get_variable(graph, resource):
    if not hasattr(modes.v1, "AUTO_REUSE"):
        pytest.skip("this TensorFlow has no AUTO_REUSE")

    def forward(x):
        with modes.v1.variable_scope("inside", reuse=modes.v1.AUTO_REUSE):
            return x * modes.get_variable("kernel", initializer=3.0, resource=resource)

    x = tf.constant(X)
    f = override_gradient(forward, lambda op, dy, variables: (10.0 * dy, [tf.reduce_sum(dy) * 100.0]))
    y = f(f(x))
    (w,) = modes.v1.trainable_variables()
    found = in_session(y, *modes.v1.gradients(y, [w, x]))
    assert_same_bits(found, [9 * X, np.float32(600 + 6000), np.full_like(X, 100)])
