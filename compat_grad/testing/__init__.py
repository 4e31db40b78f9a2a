"""The proof that a gradient is the same everywhere: one case, or a catalogue of them, run in every way there is.

process.py          what this process can do
modes.py            the modes, behind one small interface
differentiate.py    the means: a tape, tf.gradients
case.py             what a case is, and what is expected of it
program.py          a case as what a mode runs
transformations.py  XLA, vectorized_map, Jacobians, forward mode
ways.py             modes x strategies, and the transformations; what TensorFlow itself cannot do
proof.py            a case in a way: right, and the same as in the others
check.py, ulp.py    how far results are from formulas, and from each other
results.py          what was found, written for the comparison
compare.py, page.py across TensorFlows, with a page to look at

It must not know how overrides work: what it tests may be any TensorFlow function. Nothing else of the library, but
for the command line, may load it.
"""
