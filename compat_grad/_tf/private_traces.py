"""Traces of tf.functions that are made for one user alone, though a function's traces are shared by all who call it.

From 2.4 on by what TensorFlow tells traces apart by; before, by copies of the functions. Knows nothing of its users.
"""

import contextlib
import functools
import sys
import threading

from compat_grad._tf.autograph import not_converted
from compat_grad._tf.lookup import first, tf
from compat_grad._tf.threads import Alive, Lock

_save_context = first("tensorflow.python.saved_model.save_context.save_context")
_in_save_context = first("tensorflow.python.saved_model.save_context.in_save_context")
_saving = first("tensorflow.python.saved_model.save_context._save_context")


class PrivateTraces:
    """The traces of tf.functions that are made for one user alone, so that others never call them.

    A function's traces are shared by all who call it. What TensorFlow (2.4 and later) tells traces apart by includes,
    of the context, only the options of a SavedModel being saved, and only their variable policy, which replicas read.
    So this stands in the place of such options, and what it says is its policy is in the key of each trace.
    """

    def __init__(self):
        self._marks = {}  # the policy that the variables of a strategy shall go by -> the mark of such traces
        self._caching = Alive()  # the functions that keep such traces

    @contextlib.contextmanager
    def made(self):
        """Have the tf.functions that are called in here traced for this user alone; yields whether that is so."""
        if _save_context is None or _in_save_context is None:
            yield False
        elif not _in_save_context():
            with _save_context(self):
                yield True
        elif not hasattr(_saving, "enter_save_context"):
            yield False
        elif _saving.options() is self:
            yield True
        else:  # a SavedModel is being saved
            options = self._saved_with = _saving.options()
            _saving.enter_save_context(self)
            try:
                yield True
            finally:
                self._saved_with = None
                _saving.enter_save_context(options)

    def __getattr__(self, name):  # pragma: no cover (a TensorFlow that asks for more than the policy)
        return getattr(self.__dict__.get("_saved_with"), name)  # all else that is asked of the options

    @property
    def experimental_variable_policy(self):
        """What TensorFlow asks for when it looks for a trace: the way to know which functions are called."""
        frame, left = sys._getframe(1), _FRAMES_TO_A_FUNCTION
        while frame is not None and left and not _keeps_traces(frame.f_locals.get("self")):
            frame, left = frame.f_back, left - 1
        if frame is not None and left:
            self._caching.add(frame.f_locals["self"])
        options = self.__dict__.get("_saved_with")
        # What is not being saved has a variable on each device, which only this policy lets a trace see.
        policy = _EXPAND if options is None else options.experimental_variable_policy
        return self._marks.setdefault(policy, _Mark(policy))

    def forget(self):
        """Have the functions drop these traces, which their caches would keep for as long as they live."""
        for function in self._caching:
            for mark in self._marks.values():
                _drop_from_cache(function._function_cache, mark)


#: Whether functions can be traced for one user alone.
traces_can_be_private = None not in (_save_context, _in_save_context)


@contextlib.contextmanager
def functions_traced_anew():
    """Have the tf.functions that this thread calls run traces of their own, shared by all calls in such contexts.

    Where `PrivateTraces` can be had (from 2.4 on) nothing is done, nor before tf.function.
    """
    if _Function is None or _save_context is not None:
        yield
        return
    with _patching:
        if not _patched:
            for name in _CALLS:
                setattr(_Function, name, _of_one_traced_anew(getattr(_Function, name)))
        _patched.append(None)
    depth = getattr(_of_thread, "anew", 0)
    _of_thread.anew = depth + 1
    try:
        yield
    finally:
        _of_thread.anew = depth
        with _patching:
            _patched.pop()
            if not _patched:
                for name in _CALLS:
                    setattr(_Function, name, getattr(_Function, name).__wrapped__)


_Function = first("tensorflow.python.eager.def_function.Function")
_CALLS = ("__call__", "get_concrete_function")
_patching = Lock()
_patched = []  # how many contexts are in need of it
_of_thread = threading.local()  # .anew: how many of them this thread is in


def _of_one_traced_anew(method):
    def of_another(function, *args, **kwargs):
        return method(_anew(function) if getattr(_of_thread, "anew", 0) else function, *args, **kwargs)

    return not_converted(functools.wraps(method)(of_another))


def _anew(function):
    """Return function without its traces; the same for each call."""
    with _patching:
        if not hasattr(function, "_compat_grad_anew"):
            function._compat_grad_anew = _copy_without_traces(function)
            function._compat_grad_anew._compat_grad_anew = function._compat_grad_anew
    return function._compat_grad_anew


def _copy_without_traces(function):
    if hasattr(function, "_clone"):  # pragma: no cover (2.2 and 2.3)
        return function._clone(None)
    options = {"input_signature": getattr(getattr(function, "_function_spec", None), "input_signature", None)}
    for name in ("autograph", "experimental_autograph_options", "experimental_relax_shapes"):
        for attribute in (name, "_" + name):
            if hasattr(function, attribute):
                options[name] = getattr(function, attribute)
    return tf.function(function.python_function, **options)


def _keeps_traces(thing):
    # a strategy's variable, asked for what it does not have, asks for the policy again
    return "_function_cache" in getattr(thing, "__dict__", ())


_EXPAND = getattr(
    first("tensorflow.python.saved_model.save_options.VariablePolicy"), "EXPAND_DISTRIBUTED_VARIABLES", None
)


class _Mark:
    """In the key of a trace, equal to nothing else; but asked for by variables it does not differ from the policy."""

    def __init__(self, policy):
        self._policy = policy

    def __ne__(self, other):
        return other is not self and other is not self._policy

    def __getattr__(self, name):
        return getattr(self.__dict__.get("_policy"), name)


_FRAMES_TO_A_FUNCTION = 12  # from where a key is made to the method of the function; 3 were seen


def _drop_from_cache(cache, mark):
    """Drop the entries with mark in their key: from its dicts and sets, and (2.8 to 2.13) tables of types."""
    for name in set(getattr(type(cache), "__slots__", ())) | set(getattr(cache, "__dict__", ())):
        kept = getattr(cache, name, None)
        if isinstance(kept, (dict, set)):
            for key in [key for key in list(kept) if _has_mark(key, mark)]:
                kept.pop(key, None) if isinstance(kept, dict) else kept.discard(key)
        elif hasattr(kept, "delete") and hasattr(kept, "targets"):  # pragma: no cover (2.8 to 2.13)
            for key in [key for key in list(kept.targets) if _has_mark(key, mark)]:
                kept.delete(key)


def _has_mark(key, mark):
    if isinstance(key, tuple):
        return any(_has_mark(part, mark) for part in key)
    return key is mark or _has_mark(getattr(key, "call_context", ()), mark)
