"""The traced functions that an override runs its calls in where it needs a graph in eager mode.

A call's plain values are built into the trace, so there is one function for each call shape and set of plain values;
tensors of other shapes and dtypes are told apart by the function itself. Knows nothing of gradients or strategies.
"""

import collections
import warnings
import weakref

import numpy as np

from compat_grad import _tf
from compat_grad._tf import tf
from compat_grad.call.forward import flatten_outputs
from compat_grad.call.symbolic import in_stateless_scope

MOST = 64  # functions kept; the one unused for longest goes first
NAME = "compat_grad_override"  # how TensorFlow calls them
MOST_TRACES = 1024  # kept of one function
WARN_AT = 16  # sets of plain values for one call shape


class TracedFunctions:
    """The traced functions of one override, by what is built into them."""

    def __init__(self, title):
        self._title = title
        self._functions = collections.OrderedDict()
        self._seen = collections.OrderedDict()  # call shape -> how many functions it has had
        self._lock = _tf.Lock()

    def function(self, body, own, layout, leaves):
        """Return ``body(*tensors)`` as a traced function of a list of tensors.

        Args:
          body: python function of the tensors among the arguments; everything else is built into it.
          own, layout, leaves: what is built into body: `Reference`s to a method's self, and the call's arguments.
        """
        if in_stateless_scope():  # the values that variables have there are built in as well
            return self._made(body)
        key = (tuple(own), layout.key(), _plain_values(layout, leaves), _tf.compiled_by_xla())
        with self._lock:
            function = self._functions.pop(key, None) or self._new_function(body, key)
            self._functions[key] = function
            while len(self._functions) > MOST:
                self._functions.popitem(last=False)
        return function

    def _new_function(self, body, key):
        self._seen[key[1]] = self._seen.pop(key[1], 0) + 1
        if len(self._seen) > MOST:
            self._seen.popitem(last=False)
        if self._seen[key[1]] == WARN_AT:
            warnings.warn(
                "{}: traced for the {}th time because plain values among its arguments were new. Values that change "
                "from call to call are cheaper as tensors: pass tf.constant(value).".format(self._title, WARN_AT),
                stacklevel=6,
            )
        return self._made(body)

    def _made(self, body):
        if not _tf.functions_nest:
            return _FlatFunction(body, self._title)
        if _tf.functions_need_a_gradient():
            return _AnchoredFunction(body)
        return _TracedFunction(body)


class _TracedFunction:
    """A traced function of a list of tensors.

    TensorFlow keeps all traces of one, a trace for each set of dtypes and shapes: after `MOST_TRACES` it is made anew.

    Attributes:
      ways: what a caller remembers of calls with tensors of one signature.
    """

    def __init__(self, body):
        self._body = body
        self._one_at_a_time = _tf.Lock()
        self._make()

    def __call__(self, inputs):
        try:
            if not _tf.functions_are_for_one_thread:
                return _tf.call_traced(self._function, inputs)
            with self._one_at_a_time:
                return _tf.call_traced(self._function, inputs)
        finally:
            self._forget_if_many()

    def trace(self, inputs):
        """Trace the function for such tensors, if it is not yet; return the graph."""
        self._forget_if_many()  # not afterwards, as the call that it is traced for comes next
        with self._one_at_a_time:  # to 1.15 each thread would make its own, and TensorFlow empty all graphs but one
            return _tf.trace(self._function, inputs)

    def _forget_if_many(self):
        if len(self._traces) >= MOST_TRACES:
            self._make()

    def _make(self):
        self.ways, self._traces = {}, []
        self._function = _tf.new_function(_counted(self._body, self._traces))


def _counted(body, traces):
    @_tf.not_converted
    def counted(*tensors):
        traces.append(None)
        return body(*tensors)

    counted.__name__ = NAME
    return counted


class _AnchoredFunction(_TracedFunction):
    """A function with one more input and output, which always has a gradient: see `functions_need_a_gradient`."""

    def __init__(self, body):
        def anchored(anchor, *tensors):
            return tf.identity(anchor), body(*tensors)

        super().__init__(_tf.not_converted(anchored))

    def __call__(self, inputs):
        return super().__call__([tf.constant(0.0), *inputs])[1]

    def trace(self, inputs):
        return super().trace([tf.constant(0.0), *inputs])


class _FlatFunction(_TracedFunction):
    """A function from before tf.function, which gives back flat tensors only (on 1.13, of a sparse one the indices).

    Such functions are traced once for the dtypes and shapes of their arguments, and so is the structure remembered.
    """

    def __init__(self, body, title):
        self._packed, self._title = body, title
        super().__init__(None)

    def __call__(self, inputs):
        return self.call(inputs)[0]

    def call(self, inputs):
        """Return (what a call returns, the graph of its trace, in which it perhaps was traced only now)."""
        with self._one_at_a_time:
            known = self._known
            try:
                outputs = super().__call__(inputs)
            except BaseException:
                self._make()  # 1.5 would take the half of a gradient that failed to be built for the whole
                raise
        pack, graph = known[_signature(inputs)]
        return pack(outputs), graph

    def _make(self):
        self._known = {}
        self._body = _flattened(self._packed, self._known, self._title)
        super()._make()


def _flattened(body, known, title):
    """Return body as a function of flat outputs; known: where (the way back to their structure, the graph) go."""

    def flat(*tensors):
        outputs, pack = flatten_outputs(body(*tensors), title)
        known[_signature(tensors)] = pack, _tf.get_default_graph()
        return outputs

    return flat


def _signature(tensors):
    return tuple([(tensor.dtype, str(tensor.shape)) for tensor in tensors])


def _plain_values(layout, leaves):
    tensors = frozenset(layout.tensors)
    return tuple([_value_key(leaf) for index, leaf in enumerate(leaves) if index not in tensors])


def _value_key(value):
    """Return what is equal for the same plain value only: neither for 1, 1.0 and True, nor for 0.0 and -0.0."""
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        if array.dtype.kind != "O":
            return type(value), array.dtype.str, array.shape, array.tobytes()
        return Reference(value)
    if isinstance(value, float):
        return type(value), value.hex()
    if isinstance(value, complex):
        return type(value), value.real.hex(), value.imag.hex()
    try:
        hash(value)
    except TypeError:
        return Reference(value)
    return type(value), value


class Reference:
    """Refers to an object, weakly where that can be, when called; equal to another one to the same object only."""

    __slots__ = ("_hash", "_refer")

    def __init__(self, thing):
        self._hash = id(thing)
        try:
            self._refer = weakref.ref(thing)
        except TypeError:
            self._refer = lambda: thing

    def __hash__(self):
        return self._hash

    def __call__(self):
        return self._refer()

    def __eq__(self, other):
        mine = self()
        return isinstance(other, Reference) and mine is not None and mine is other()


def alive(own):
    """Return a method's self, which the traces of the method only refer to."""
    return [one() if isinstance(one, Reference) else one for one in own] if own else own
