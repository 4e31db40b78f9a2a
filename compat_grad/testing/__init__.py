"""The proof that a gradient is the same everywhere: one function, or a catalogue of cases, in every way there is.

>>> from compat_grad import testing
>>> testing.assert_modes_agree(my_function, [x, w])

assertions.py       the public assertions, each about one function in every mode
call.py             a user's function and its inputs as a case
structures.py       nested inputs and outputs
composites.py       ragged and sparse tensors and IndexedSlices among them
mismatch.py         what is said where arrays differ
silent.py           override maps that TensorFlow ignores, made an error
plugin.py           pytest's options, fixtures, and the tests of declared cases
recorded.py         has the assertions tell what they computed
about.py, code.py   whose results they are, and the text of a case
process.py          what this process can do
mode.py             the modes, behind one small interface
differentiate.py    the means: a tape, tf.gradients, forward mode
case.py             what a case is, and what is expected of it
measured.py         what stands in for formulas that a case does not state
program.py          a case as what a mode runs
transformations.py  XLA, vectorized_map, Jacobians, forward mode
loaded.py, bare.py  a case saved, loaded by a process without compat_grad, and differentiated there
ways.py             modes x strategies, and the transformations; what TensorFlow itself cannot do
proof.py            a case in a way: right, and the same as in the others
check.py, ulp.py    how far results are from formulas, and from each other
verify.py           one function held to all that is known of it: a list of verdicts
specs.py            inputs as they are written on a command line
verdicts.py         what verify found, as a table or as data
results.py          what was found, written for the comparison
compare.py, page.py across TensorFlows, with a page to look at

It must not know how overrides work: what it tests may be any TensorFlow function. Nothing else of the library, but
for the command line, may load it. Its names load TensorFlow when they are first asked for; types: ``__init__.pyi``.
"""

import importlib
import sys
import types

__all__ = [
    "Family",
    "Modes",
    "NotInThisTensorFlow",
    "as_variable",
    "assert_gradient",
    "assert_matches_numeric",
    "assert_modes_agree",
    "assert_overridden",
    "assert_surrogate",
    "forbid_silent_overrides",
    "made_by",
    "modes",
    "value_and_gradients",
]

_ROOMS = {
    "Family": "case",
    "NotInThisTensorFlow": "process",
    "as_variable": "call",
    "forbid_silent_overrides": "silent",
    "made_by": "call",
}


class _Package(types.ModuleType):
    """This package, whose public names are those of its rooms (Python 3.6 knows no ``__getattr__`` of modules)."""

    def __getattr__(self, name):
        if name not in __all__:
            raise AttributeError("module {!r} has no attribute {!r}".format(__name__, name))
        room = "{}.{}".format(__name__, _ROOMS.get(name, "assertions"))
        value = getattr(importlib.import_module(room), name)
        setattr(self, name, value)
        return value

    def __dir__(self):
        return sorted(__all__ + [name for name in vars(self) if name.startswith("__")])


sys.modules[__name__].__class__ = _Package
