"""`override_gradient`, and the way of a call from the arguments to the tied outputs, top to bottom.

    take the arguments apart -> read variables -> pick the strategy -> run forward on inputs that no tape watches
    -> connect its outputs to the inputs -> give the structure back

There is one path for all modes; the strategy is its last step. Nothing here knows TensorFlow's versions.
"""

import collections.abc
import functools
import importlib
import types

from compat_grad import _tf
from compat_grad.call import symbolic
from compat_grad.call.arguments import Arguments
from compat_grad.call.around import CallInside, with_what_stands_around
from compat_grad.call.backward import Backward, BackwardCall
from compat_grad.call.definition import Definition, Doc, check_definition, gradient_in_words, name_of
from compat_grad.call.explain import explain
from compat_grad.call.forward import (
    detach,
    disconnect,
    flatten_outputs,
    follow_autograph,
    run_forward,
    run_surrogate,
)
from compat_grad.call.hidden import say_what_hides
from compat_grad.call.signature import is_method
from compat_grad.call.surrogate import Tie, check_same
from compat_grad.call.traced import Reference, TracedFunctions, alive
from compat_grad.call.variables import read_values
from compat_grad.op_level.eager import TracedCalls
from compat_grad.op_level.gradients import gradients_of_override, unknown_gradients
from compat_grad.saving import recalled
from compat_grad.strategies.table import pick_strategy


@_tf.not_converted  # 1.14's AutoGraph loses the defaults of what is given by keyword only
def override_gradient(
    forward=None, backward=None, *, surrogate=None, combine="add", strategy="auto", name=None, on_unused="error"
):
    """Return forward with a gradient of your own, the same in every mode of every TensorFlow.

    Args:
      forward: the function, method, Keras layer or other callable whose gradient is replaced: any number of
        tensors of any shape and dtype in, in any nested structure, any structure of tensors out. Left out,
        ``override_gradient(backward=...)`` is a decorator.
      backward: ``fn(op, *output_grads)``, the vector-Jacobian product of the whole of forward in the convention of
        ``tf.RegisterGradient``. ``op.inputs`` and ``op.outputs`` are flat lists, and
        ``op.native_gradient(*output_grads)`` is what forward itself would have given; output_grads has one tensor of
        the output's shape and dtype for each output (zeros where it was not used, None where its dtype has no gradient;
        IndexedSlices only where backward has an attribute ``accepts_indexed_slices = True``). It returns a gradient of
        the input's shape and dtype for each tensor argument, None for zero. With a keyword ``variables`` it also gets
        the trainable variables that forward captures, and returns ``(input_grads, variable_grads)``, both in the
        variables' order, that of their creation. Or the name of a registered gradient (``"Identity"``, your own). Or a
        dict from op types to either, ``{"Relu": fn}``: inside forward, every op of that type gets that gradient and the
        rest differentiates natively. Its functions' ``op`` is the operation, with ``get_attr`` and
        ``native_gradient(*output_grads)``.
      surrogate: instead of backward, a function of the same arguments and with the same outputs as forward, whose
        gradient is used (the stop_gradient trick, exact).
      combine: how a surrogate g is used: "add", the gradient of g, or "multiply", ``(f / g) * g'``.
      strategy: "auto", or one of `available_strategies` to force it.
      name: what to call the override in error messages and graphs; forward's name by default.
      on_unused: what an op type of a dict is that forward has no op of: "error", or "ignore" for a table of all that
        may come.

    Returns:
      An `Override`, called like forward.

    Raises:
      TypeError: forward or backward is not what it must be, or both or neither of backward and surrogate are given.
      ValueError: an unknown combine or strategy, or strategy "stop_gradient" for a backward.

    >>> import tensorflow as tf
    >>> clip = override_gradient(tf.identity, lambda op, dy: tf.clip_by_value(dy, -1., 1.), name="clip")
    >>> clip.__name__
    'clip'
    """
    options = dict(
        backward=backward, surrogate=surrogate, combine=combine, strategy=strategy, name=name, on_unused=on_unused
    )
    if forward is None:
        return _Decorator(_decorate, options)
    if isinstance(forward, (staticmethod, classmethod)):  # above which we stand, as decorators may
        return type(forward)(override_gradient(forward.__func__, **options))
    return Override(forward, backward, surrogate, combine, strategy, name, on_unused)


def _decorate(options, forward):
    return override_gradient(forward, **options)


def _refuse_with(*args):
    raise TypeError(
        "override_gradient is no context manager, as gradient_override_map is: it wraps what is computed. Write "
        "f = override_gradient(forward, backward) and call f, or decorate with @override_gradient(backward=...)."
    )


class _Decorator(functools.partial):
    """What `override_gradient` returns without a forward."""

    autograph_info__ = {}  # noqa: RUF012

    __enter__ = __exit__ = _refuse_with


class Override:
    __doc__ = Doc("A callable with a gradient of its own; made by `override_gradient`.")

    # AutoGraph leaves objects with this attribute as they are; forward is handed to it in `_run`.
    autograph_info__ = {}  # noqa: RUF012

    def __init__(self, forward, backward, surrogate, combine, strategy, name, on_unused="error"):
        self._definition = Definition(forward, backward, surrogate, combine, strategy, name, on_unused)
        self._name = name or name_of(forward)
        self._title = "override_gradient {!r}".format(self._name)
        check_definition(self._title, forward, backward, surrogate, combine, strategy, on_unused)
        self._forward = forward
        self._surrogate = surrogate
        self._combine = combine
        self._strategy = strategy
        self._op_gradients = (
            gradients_of_override(self._name, backward, on_unused)
            if isinstance(backward, collections.abc.Mapping)
            else None
        )
        self._backward = (
            Backward(self._name, backward, forward) if isinstance(backward, str) or callable(backward) else None
        )
        self._set_arguments(n_self=int(is_method(forward)))
        if self._backward is not None:
            self._backward.check_convention()
            recalled.define(self)
        self.__module__ = getattr(forward, "__module__", None)
        self.__qualname__ = getattr(forward, "__qualname__", self._name)
        # No __wrapped__: tf.function (2.8 to 2.22) replaces an argument that has it by what it wraps, which is forward
        # without its gradient; and of a bound method it is the unbound function.

    def _set_arguments(self, n_self):
        self._n_self = n_self
        self._arguments = Arguments(self._forward, n_self, self._title)
        if self._arguments.signature is not None:
            self.__signature__ = self._arguments.signature
        self._method = None
        self._functions = TracedFunctions(self._title)
        self._traced_calls = self._op_gradients and TracedCalls(self._op_gradients)
        self._picked = {}  # mode -> Strategy

    # --- what it is -------------------------------------------------------------------------------------------

    @property
    def forward(self):
        """The function whose gradient is replaced."""
        return self._definition.forward

    @property
    def backward(self):
        """The gradient function, the name of a registered one, or the dict from op types to either; else None."""
        return self._definition.backward

    @property
    def surrogate(self):
        """The function whose gradient is used; None where there is a backward."""
        return self._definition.surrogate

    @property
    def combine(self):
        """How a surrogate is used, "add" or "multiply"."""
        return self._definition.combine

    @property
    def strategy(self):
        """The strategy that was asked for, "auto" or a name."""
        return self._definition.strategy

    @property
    def name(self):
        """What the override is called in error messages and graphs."""
        return self._name

    @property
    def __name__(self):
        """The same, where functions have it."""
        symbolic.check_name_alone(self)
        return self._name

    @__name__.setter
    def __name__(self, name):
        self._name = name

    def get_config(self):
        """Return what Keras writes into the config of a layer that has this as a function (an activation)."""
        return symbolic.config_of(self)

    @classmethod
    def from_config(cls, config):
        """Return the override that such a config describes."""
        return symbolic.from_config(config)

    def __repr__(self):
        return "<override {!r}: {}>".format(self._name, gradient_in_words(self._definition))

    def __class_getitem__(cls, parameters):
        return cls  # Override[[tf.Tensor], tf.Tensor] is for type checkers

    # --- the way of a call ------------------------------------------------------------------------------------

    def __call__(__self, *args, **kwargs):  # so named because forward may have a keyword `self`
        self, own = __self, ()
        if self._n_self:
            own, args = args[: self._n_self], args[self._n_self :]  # own: a method's self
        mode = _tf.current_mode()
        layout, parts = self._arguments.take_apart(args, kwargs)
        if layout.needs_a_look and self._asks_for_layer(layout, parts, mode):
            return symbolic.lift(self, own, args, kwargs)
        if layout.checked and mode is _tf.EAGER and _tf.nobody_listens():
            return self._call_unrecorded(own, layout, parts)
        inputs = layout.read_tensors(parts) if layout.needs_reading else parts
        if self._op_gradients is not None:
            return self._call_with_op_gradients(own, layout, parts, inputs, mode)
        strategy = self._picked.get(mode) or self._pick_strategy(mode)
        if mode is _tf.EAGER and not strategy.in_eager and self._may_connect(layout):
            return self._function_of(self, own, layout, parts)(inputs)
        if self._surrogate is not None:
            tied = self._call_tied_to_surrogate(own, layout, parts, inputs, mode, strategy)
        else:
            tied = self._call_with_backward(own, layout, parts, inputs, mode, strategy)
        layout.checked = True
        return tied

    def _asks_for_layer(self, layout, parts, mode):
        """Whether Keras shall have this call as a layer; says which arguments hide tensors."""
        if layout.hiding:
            say_what_hides(layout, parts, self._title)
        may_ask = layout.has_keras_tensors or (layout.has_graph_tensors and mode is not _tf.FUNCTION)
        return may_ask and symbolic.asks_for_layer(self._title, parts, mode)

    def _pick_strategy(self, mode):
        self._picked[mode] = pick_strategy(self._strategy, self._title, self._surrogate is not None)
        return self._picked[mode]

    def _call_with_backward(self, own, layout, parts, inputs, mode, strategy):
        """Tie forward's outputs to its inputs."""
        if not layout.checked:
            self._backward.function()  # a name that is not registered is refused before anything is computed
        outputs, pack, variables = self._run(own, layout, parts, inputs, mode)
        if not outputs:
            return pack(outputs)
        if variables:
            self._backward.check_takes_any(variables)
        if not inputs and not variables:
            return pack(disconnect(outputs))
        composites = pack.composites
        if not layout.checked:
            self._backward.check_takes(len(outputs if composites is None else composites), variables, own)
        values = read_values(variables) if variables else []
        vjp = with_what_stands_around(self._backward_call(own, layout, parts, variables, len(values), composites))
        return pack(strategy.connect(outputs, inputs + values, vjp))

    def _call_tied_to_surrogate(self, own, layout, parts, inputs, mode, strategy):
        """Tie forward's outputs to the outputs of the surrogate, which is differentiated natively."""
        args, kwargs = self._fit_surrogate(own, layout, layout.place(parts, inputs))
        outputs, pack, _ = self._run(own, layout, parts, inputs, mode)
        if not outputs and not layout.tensors:
            return pack(outputs)
        surrogate = functools.partial(follow_autograph(self._surrogate, mode), *alive(own), *args, **kwargs)
        try:
            result = run_surrogate(surrogate, mode)
        except Exception as error:
            error = explain(error, self._title, "the surrogate")
            raise error
        targets, pack_targets = flatten_outputs(result, self._title, bool(layout.tensors))
        check_same(self._title, outputs, pack.structure(), targets, pack_targets.structure())
        if not outputs:
            return pack(outputs)
        return pack(strategy.connect(outputs, targets, Tie(self._name, self._combine, len(targets))))

    def _fit_surrogate(self, own, layout, parts):
        args, kwargs = layout.pack_as_passed(parts)
        try:
            return self._arguments.fit(self._surrogate, own, layout.form, args, kwargs)
        except TypeError as error:
            raise TypeError(
                "{}: the surrogate must take the same arguments as forward: {}.".format(self._title, error)
            ) from None

    def _run(self, own, layout, parts, inputs, mode):
        """Run forward on detached inputs; return its flat outputs, the way back, and the variables it captured."""
        detached = _tf.aliases_of_flowing(inputs) if mode is _tf.EAGER else detach(inputs)
        args, kwargs = layout.call_with(parts, detached)

        def forward():
            result = self._call_forward(own, args, kwargs, mode)
            # here, because it reads the variables that forward returns
            return flatten_outputs(result, self._title, was_given_tensors=bool(inputs))

        return run_forward(forward, detached, mode)

    def _call_forward(self, own, args, kwargs, mode):
        try:
            forward = follow_autograph(self._forward, mode) if mode is _tf.FUNCTION else self._forward
            return forward(*alive(own), *args, **kwargs) if own else forward(*args, **kwargs)
        except Exception as error:
            error = explain(error, self._title, "forward")
            raise error

    def _call_unrecorded(self, own, layout, parts):
        """Call forward where nobody listens in eager mode and the checks of this call shape have passed: there is
        nothing to tie. What comes out are tensors and structures of its own nevertheless.
        """
        args, kwargs = layout.call_with(parts, layout.read_tensors(parts))
        number = _tf.new_number()
        result = self._call_forward(own, args, kwargs, _tf.EAGER)
        outputs, pack = flatten_outputs(result, self._title, bool(layout.tensors))
        return pack(_tf.made_since(number, outputs))

    def _call_with_op_gradients(self, own, layout, parts, inputs, mode):
        """Run forward with the gradients of its ops overridden."""
        if self._op_gradients.need_function(mode):
            function = self._function_of(self._trace_with_op_gradients, own, layout, parts)
            if mode is not _tf.EAGER:
                return self._traced_calls.call_in_graph(function, inputs)
            return self._traced_calls.call(function, inputs, lambda: self._forward_alone(own, layout, parts, inputs))
        args, kwargs = layout.call_with(parts, inputs)
        graph = _tf.get_default_graph()
        with self._op_gradients.applied(graph):
            result = self._call_forward(own, args, kwargs, mode)
        if not _tf.is_defun_body(graph):
            return result
        outputs, pack = flatten_outputs(result, self._title, was_given_tensors=False)  # what is no tensor stays
        return pack(_tf.sealed(outputs, self._name))

    def _trace_with_op_gradients(__self, *args, **kwargs):
        self, own, args = __self, args[: __self._n_self], args[__self._n_self :]
        return self._traced_calls.trace(lambda: self._call_forward(own, args, kwargs, _tf.current_mode()))

    def _forward_alone(self, own, layout, parts, inputs):
        args, kwargs = layout.call_with(parts, inputs)
        outputs, pack = flatten_outputs(self._call_forward(own, args, kwargs, _tf.EAGER), self._title)  # as of a trace
        return pack(outputs)

    def _function_of(self, callee, own, layout, parts):
        """Return callee as a traced function of the tensors of a call, for where a graph is needed."""
        plain = layout.place(parts, layout.nothing)
        own = [Reference(instance) for instance in own]  # which shall not live on in the traces of its methods

        @_tf.not_converted
        def body(*tensors):
            args, kwargs = layout.call_with(plain, tensors)
            return callee(*own, *args, **kwargs)

        return self._functions.function(body, own, layout, parts)

    # --- what a call needs to know ----------------------------------------------------------------------------

    def _may_connect(self, layout):
        """Whether this call may have anything to tie its outputs to."""
        return bool(layout.tensors) or self._surrogate is not None or self._backward.takes_variables

    def _backward_call(self, own, layout, parts, variables, n_values, composites):
        if own or variables or composites is not None or not layout.only_tensors:
            rest = layout.place(parts, layout.nothing)
            return BackwardCall(self._backward, layout, rest, variables, n_values, composites, own)
        if layout.call is None:
            layout.call = BackwardCall(self._backward, layout, [None] * len(parts))
        return layout.call

    def recall(self, args, kwargs, variables, n_values, inside):
        """Return the vector-Jacobian product of a call that another process has made with these arguments.

        Args:
          inside: the op types whose gradients were overridden around the call.
        """
        layout, parts = self._arguments.take_apart(args, kwargs)
        call = BackwardCall(self._backward, layout, layout.place(parts, layout.nothing), variables, n_values)
        return CallInside(call, [unknown_gradients(self._name, inside)]) if inside else call

    # --- being a function -------------------------------------------------------------------------------------

    def __get__(self, instance, owner=None):
        if not hasattr(type(self._forward), "__get__"):
            return self  # forward would not have become a method either
        if self._n_self == 0:
            if self._method is None:
                self._method = _remade(self._definition, n_self=1)
            return self._method.__get__(instance, owner)
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self):
        if _by_name(self.__module__, self.__qualname__) is self:
            return self.__qualname__
        return _remade, (self._definition, self._n_self)

    __enter__ = __exit__ = _refuse_with


def _remade(definition, n_self):
    override = Override(*definition)
    if override._n_self != n_self:
        override._set_arguments(n_self)
    return override


def _by_name(module, qualname):
    """Return what importing that name gives, or None."""
    try:
        found = importlib.import_module(module)
        for name in qualname.split("."):
            found = getattr(found, name)
        return found
    except (AttributeError, ImportError, TypeError, ValueError):
        return None
