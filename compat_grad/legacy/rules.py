"""The gradients that entered maps name, as an op-level override has its own: `MapGradients`.

A name is looked up when a gradient is asked for, as TensorFlow does, so it may be registered after its map was entered.
Knows nothing of modes.
"""

import collections

from compat_grad import _tf
from compat_grad.call.backward import Backward
from compat_grad.legacy.entered import innermost
from compat_grad.legacy.renamed import counts
from compat_grad.op_level.check import check_reached
from compat_grad.op_level.gradients import OpGradient, OpGradients

MOST = 256  # maps that are remembered, with the traces of functions that were made under them

_remembered = collections.OrderedDict()
_lock = _tf.Lock()


def gradients_of(entered, own_names):
    """Return the `MapGradients` of an `EnteredMap` and those around it.

    Args:
      own_names: whether ops are to have names of ours instead of the legacy ones. These are what a plain graph is
        exported with; ours can be written into SavedModels, and vectorized.
    """
    key = entered.place, tuple(sorted((op_type, name) for op_type, (name, _, _) in entered.meant.items())), own_names
    with _lock:
        gradients = _remembered.pop(key, None) or MapGradients(entered, own_names)
        _remembered[key] = gradients
        if len(_remembered) > MOST:
            _remembered.popitem(last=False)
    return gradients


class MapGradients(OpGradients):
    """What the maps that are entered say, for as long as their innermost is the innermost of all."""

    reach_own_gradients = False  # what is built after the with-statement is none of the map's
    as_in_a_graph = True  # for which the program was written

    def __init__(self, entered, own_names):
        rules = {
            op_type: _NamedGradient(_NamedBackward(name, str(source), counts(old), counts(op_type)))
            for op_type, (name, old, source) in entered.meant.items()
        }
        self._all = rules
        self._legacy_names = {}
        if not own_names:
            self._legacy_names = {
                op_type: name
                for op_type, (name, old, _) in entered.meant.items()
                if old == op_type or counts(old) == counts(op_type)
            }
        super().__init__(str(entered), rules, "ignore")

    @property
    def rules(self):
        entered = innermost()
        return self._all if entered is not None and entered.gradients is self else {}

    @rules.setter
    def rules(self, rules):
        self._all = rules

    def names(self):
        if self._registered is None:
            names = dict(self._legacy_names)
            for op_type, rule in self._all.items():
                if op_type not in names:
                    names[op_type] = rule.registered_name()
            self._registered = names
        return self._registered

    def judge_executed(self, found, traced):
        check_reached(self.title, found)
        if found.unknown:
            raise ValueError(
                "{}: the function {!r} is called under it, and this TensorFlow (it does so from 2.4 on) does not show "
                "what is in there, so the map may not hold in it. Enter the map inside of the function, or call the "
                "plain Python function (tf.function objects have it as `python_function`).".format(
                    self.title, found.unknown[0]
                )
            )


class _NamedGradient(OpGradient):
    """The gradient of a name, which need not be registered yet."""

    def check(self):
        pass


class _NamedBackward(Backward):
    """A registered gradient under its name.

    Args:
      name: the name.
      map_title: how error messages call the map.
      had, has: how many inputs and outputs the mapped op type has, and the one that took its place; None if unknown.
    """

    def __init__(self, name, map_title, had, has):
        super().__init__(name, name)
        self._map_title = map_title
        self._fits = had is None or has is None or had == has
        self._had = had
        self._n_inputs = None if has is None else has[0]

    def title(self):
        return self._map_title

    def function(self, own=()):
        try:
            function = super().function(own)
        except ValueError:
            raise LookupError(
                "{}: no gradient is registered as {!r}, now that it is asked for.".format(self._map_title, self.name)
            ) from None
        return function if self._fits else self._fitting_to_new_op(function)

    def _fitting_to_new_op(self, function):
        """Return function for an op that has more inputs and outputs than the one it was written for."""

        def gradient(op, *output_gradients):
            found = function(op, *output_gradients[: self._had[1]])
            found = list(found) if isinstance(found, (list, tuple)) else [found]
            return found + [None] * (self._n_inputs - len(found))

        return gradient
