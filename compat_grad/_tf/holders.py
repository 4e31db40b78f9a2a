"""Who holds the tensors of a traced graph: the graph alone, or somebody outside of it as well.

What a function keeps of a trace on the side (``self.features = h``) cannot be read off the graph; but a tensor that
only its graph holds has as many references as ops use it, and a few more that are always there. Those are counted once
in a trace of our own. Where there is one too many, the garbage collector tells whose it is. Errs on the side of
"somebody else".
"""

import collections
import functools
import gc
import inspect
import sys
import types

from compat_grad._tf.autograph import not_converted
from compat_grad._tf.functions import new_function, trace
from compat_grad._tf.lookup import tf
from compat_grad._tf.tensors import Tensor, differentiable

_FARTHEST = 12  # steps from a tensor to who holds it that are followed
_MOST = 64  # holders followed in one step: the collector compares each with everything that there is
# Instances of these are TensorFlow's own, and lead nobody to a tensor.
_INTERNAL = tuple("tensorflow." + name for name in ("python.framework", "python.eager", "python.ops", "core"))
_INTERNAL += tuple("tensorflow_core." + name[len("tensorflow.") :] for name in _INTERNAL)
_LIBRARIES = ("tensorflow", "tensorflow_core", "keras", "tf_keras")
_CONTAINERS = (list, tuple, dict, set, frozenset, collections.deque) + (
    (types.CellType,) if hasattr(types, "CellType") else ()  # from Python 3.8 on
)
_CALLABLES = (types.MethodType, types.FunctionType, types.FrameType)


def held_outside(graph, ours=None):
    """Whether a tensor of this traced graph, of those that have gradients, is held by anybody but TensorFlow and us.

    Args:
      graph: the graph.
      ours: id of a tensor -> how many references to it are our own. The collector, which looks through all that the
        process holds, would find out, but each time anew.
    """
    ours = ours or {}
    suspects = _suspects(graph, ours)
    if not suspects or not _somebody_holds(suspects):
        return False
    del suspects
    gc.collect()  # what is only waiting to be collected holds nothing
    suspects = _suspects(graph, ours)
    return bool(suspects) and _somebody_holds(suspects)


def _suspects(graph, ours):
    expected, inputs = _expected(), {id(tensor) for tensor in graph.inputs}
    returned = {id(tensor) for tensor in graph.outputs}  # made of what the function returned, after it
    suspects = []
    for kind, found in _surplus(graph, inputs, expected.for_each_use):
        tensor, count = found
        if count - ours.get(id(tensor), 0) > getattr(expected, kind) and id(tensor) not in returned:
            suspects.append(tensor)
    return suspects


def _surplus(graph, inputs, for_each_use):
    """Yield (kind, (tensor, its references without those of ops that use it)) for tensors that have gradients."""
    operations = graph.get_operations()
    uses = collections.Counter(id(tensor) for op in operations for tensor in op.inputs)
    for op in operations:
        for tensor in op.outputs:
            if differentiable(tensor):
                count = sys.getrefcount(tensor) - for_each_use * uses[id(tensor)]
                yield ("of_an_input" if id(tensor) in inputs else "of_an_op"), (tensor, count)


_Expected = collections.namedtuple("_Expected", "for_each_use of_an_op of_an_input")


@functools.lru_cache(maxsize=None)
def _expected():
    """Count the references that are always there, in a trace of which nobody holds anything."""

    def probe(x):
        once = tf.tanh(x)
        twice = tf.tanh(once)
        return twice + twice

    function = new_function(not_converted(probe))
    graph = trace(function, [tf.constant(1.0)])
    inputs = {id(tensor) for tensor in graph.inputs}
    found = [(kind, tensor.op.type, count) for kind, (tensor, count) in _surplus(graph, inputs, 0)]
    once, twice = [count for _, op_type, count in found if op_type == "Tanh"]
    (of_input,) = [count for kind, _, count in found if kind == "of_an_input"]
    for_each_use = twice - once
    return _Expected(for_each_use, once - for_each_use, of_input - for_each_use)


def _somebody_holds(tensors):
    """Follow who holds what, from these tensors on: whether one way leads out of TensorFlow's graphs."""
    holders = tuple(tensors)  # a tuple, so that the call below makes no other one, which would hold them as well
    seen = {id(tensors), id(holders)}
    for _ in range(_FARTHEST):
        found = gc.get_referrers(*holders)
        seen.update((id(holders), id(found)))
        followed = []
        for holder in found:
            if id(holder) in seen or _is_a_call(holder):
                continue
            seen.add(id(holder))
            if _is_internal(holder):
                continue
            if not _is_followed(holder):
                return True
            followed.append(holder)
        if not followed:
            return False
        if len(followed) > _MOST:
            return True
        holders = tuple(followed)
        seen.update((id(followed), id(holders)))
    return True


def _is_a_call(holder):
    """Whether it is the frame of a call, running or in the traceback of an error: a closure holds what lives on."""
    return isinstance(holder, types.FrameType) and not holder.f_code.co_flags & inspect.CO_GENERATOR


def _is_internal(holder):
    if isinstance(holder, (tf.Graph, tf.Operation, Tensor)):
        return True
    if isinstance(holder, types.ModuleType):
        return holder.__name__.partition(".")[0] in _LIBRARIES
    if isinstance(holder, types.FunctionType):
        return (holder.__module__ or "").partition(".")[0] in _LIBRARIES
    return not _is_followed(holder) and (type(holder).__module__ or "").startswith(_INTERNAL)


def _is_followed(holder):
    return isinstance(holder, _CONTAINERS + _CALLABLES) or type(holder).__name__ in (
        "cell",
        "Reference",
        "_WeakrefableDict",
    )
