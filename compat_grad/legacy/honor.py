"""`honor_override_maps`: legacy code, unchanged, whose override maps hold in every mode.

    entered in a graph or function -> the map names the gradients of what is built under it, also in loops, branches and
                                      functions, and tapes inside are told
    entered in eager mode          -> what is executed under it is recorded with the map's gradients, op by op
    what needs a graph in eager    -> is traced (tf.gradients or Defun in it, `.op` of a tensor)

Knows nothing of where legacy code comes from.
"""

import contextlib
import inspect
import threading
import types

from compat_grad import _tf
from compat_grad.call.forward import follow_autograph
from compat_grad.call.signature import signature_of
from compat_grad.legacy import growth
from compat_grad.legacy.defuns import tell_tapes
from compat_grad.legacy.entered import entered_before, told_of_maps
from compat_grad.legacy.kerases import is_of_any_keras, sessions_in_functions
from compat_grad.legacy.models import look_for_kerases, refusing_plain_ops, remembering
from compat_grad.legacy.rules import gradients_of
from compat_grad.legacy.traced import InGraph, needs_graph

_thread = threading.local()  # .depth: how many honored calls this thread is in
_everywhere = []  # for as long as all threads are honored
_calls = []  # of all threads: for replicas, which have threads of their own
_traces = _tf.PrivateTraces()  # what functions do in honored calls is not what they do in others


def honor_override_maps(legacy):
    """Return legacy with the gradient override maps that it enters made to hold, the same in every mode.

    A decorator, too. What is computed in the with-statements ``graph.gradient_override_map({...})`` that legacy enters,
    on whatever graph (that of ``tf.get_default_graph()``, of a Keras session), gets the gradients named there, as it
    did in the graphs of TensorFlow 1: in eager mode, in a ``tf.function`` with the tape outside or inside, in loops and
    branches, in functions that it calls. A map on a type that TensorFlow has renamed ("Add", which ``x + y`` is no
    longer) is for the new one, too; one on "PyFunc" is for ``tf.py_func`` in eager mode. Names may be registered later.

    Args:
      legacy: a function or other callable, which may differentiate, train and make variables as it likes; or a Keras
        layer, model, or class of such, whose ``call`` is replaced in place, so that it holds under ``fit``.

    Returns:
      A callable like legacy; the same layer, model or class.

    Raises:
      TypeError: legacy cannot be called, or what it does comes after it has returned (a generator, a coroutine).
      ValueError: when a map is left under which something was computed that it cannot hold for.

    >>> import tensorflow as tf
    >>> honored = honor_override_maps(tf.identity)
    >>> honored.__name__
    'identity'
    """
    if isinstance(legacy, (staticmethod, classmethod)):  # above which we stand, as decorators may
        return type(legacy)(honor_override_maps(legacy.__func__))
    if callable(legacy) and is_of_any_keras(legacy):
        legacy.call = honor_override_maps(legacy.call)
        return legacy
    if not callable(legacy) or isinstance(legacy, type) or _comes_later(legacy):
        raise TypeError(
            "honor_override_maps: expected a function, another callable or a Keras layer, which is done when it "
            "returns; got {!r}. (Of a class, decorate the methods that enter maps.)".format(legacy)
        )
    return Honored(legacy)


_LATER = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def _comes_later(function):
    return bool(getattr(getattr(function, "__code__", None), "co_flags", 0) & _LATER)


class Honored:
    """A callable whose override maps hold; made by `honor_override_maps`.

    Args:
      legacy: the callable.
      looks_like: what it is named after and takes the arguments of; legacy by default.
    """

    autograph_info__ = {}  # noqa: RUF012

    def __init__(self, legacy, looks_like=None):
        looks_like = legacy if looks_like is None else looks_like
        self._legacy = legacy
        self._in_graph = InGraph(self._legacy)
        for name in ("__name__", "__qualname__", "__module__", "__doc__"):
            if hasattr(looks_like, name):
                setattr(self, name, getattr(looks_like, name))
        signature = signature_of(looks_like)
        if signature is not None:
            self.__signature__ = signature
        # No __wrapped__: tf.function (2.8 to 2.22) replaces an argument that has it by what it wraps.

    def __call__(__self, *args, **kwargs):  # so named because legacy may have a keyword `self`
        self = __self
        mode = _tf.current_mode()
        with honoring():
            if mode is not _tf.EAGER:
                return follow_autograph(self._legacy, mode)(*args, **kwargs)
            if self._in_graph.wanted:
                return self._in_graph(args, kwargs)
            with _tf.names_registered_by_thread() as names:
                try:
                    return self._legacy(*args, **kwargs)
                except Exception as error:
                    if not needs_graph(error):
                        raise
        _forget(names)
        with honoring():
            return self._in_graph(args, kwargs)

    def __get__(self, instance, owner=None):
        if instance is None or not hasattr(type(self._legacy), "__get__"):
            return self
        return types.MethodType(self, instance)

    def __reduce__(self):
        return honor_override_maps, (self._legacy,)

    def __repr__(self):
        return "<{!r} with its override maps honored>".format(self._legacy)


def _forget(names):
    """Forget the gradients that a try has registered, so that the next may: all but TensorFlow's own, and ours."""
    for name in names:
        if not name.startswith(growth.OURS) and _tf.op_definition(name) is None:
            _tf.unregister_gradient(name)


@contextlib.contextmanager
def honoring():
    """Return the context in which the override maps that this thread enters hold."""
    depth = getattr(_thread, "depth", 0)
    if depth:
        yield
        return
    _thread.depth = 1
    _calls.append(None)
    try:
        with _told_of_all(), entered_before(), _traces.made(), _tf.functions_traced_anew():
            yield
    finally:
        _thread.depth = 0
        _calls.pop()


@contextlib.contextmanager
def honoring_in_all_threads():
    """Return the context in which all override maps of the process hold."""
    _everywhere.append(None)
    try:
        with _told_of_all():
            yield
    finally:
        _everywhere.pop()


@contextlib.contextmanager
def _told_of_all():
    maps, defuns = told_of_maps(_make_hold, first=True), _tf.told_of_defuns(_make_defun_hold)
    with maps, defuns, sessions_in_functions(), remembering():
        yield


def _honored_here():
    return _everywhere or getattr(_thread, "depth", 0) or (_calls and _in_a_replica())


def _in_a_replica():
    has_strategy = getattr(getattr(_tf.tf, "distribute", None), "has_strategy", None)  # none to 1.12
    return has_strategy is not None and has_strategy()


def _make_hold(entered):
    """Return the context of an `EnteredMap` in which it holds, or None where that is not wanted."""
    return _holding(entered) if _honored_here() else None


def _make_defun_hold(op):
    if _honored_here():
        tell_tapes(op)


@contextlib.contextmanager
def _holding(entered):
    mode = _tf.current_mode()
    gradients = entered.gradients = gradients_of(entered, own_names=mode is not _tf.GRAPH)
    growth.look(entered)
    if mode is _tf.EAGER:
        _check_can_hold_in_eager_mode(entered)
        scope = gradients.op_by_op.applied(False)
    else:
        scope = gradients.applied(_tf.get_default_graph() if mode is _tf.FUNCTION else entered.graph)
    look_for_kerases(Honored)
    with scope, refusing_plain_ops(entered) if mode is _tf.EAGER else contextlib.ExitStack():
        yield


def _check_can_hold_in_eager_mode(entered):
    if not _tf.tells_of_executed_ops or _tf.record_operation is None:  # pragma: no cover (1.5 and 1.6)
        what = "of the ops that it executes"
    elif "Identity" in entered.mapping and not _tf.identity_is_executed():
        what = "of tf.identity, which is no op there"
    elif "PyFunc" in entered.mapping and not _tf.tells_of_python_functions:
        what = "of tf.py_func, which is no op there"
    else:
        return
    raise RuntimeError(
        "{} cannot hold in eager mode: this TensorFlow tells nobody {}. Call what enters it in a tf.function "
        "(tf.contrib.eager.defun), or in a graph.".format(entered, what)
    )
