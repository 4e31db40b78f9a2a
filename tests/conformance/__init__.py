"""The proof of "the same gradients everywhere": one catalogue of overrides, run in every way that a TensorFlow has.

families/     the catalogue: what each override is, and its values and gradients as NumPy float64 formulas
case.py       what a case is, and what is expected of it
ways.py       modes x strategies, and the transformations, that this TensorFlow has, and why not the others
test_catalogue.py   each case in each way: right, and the same bits in all of them
results.py    what was found, written for the comparison (to the directory COMPAT_GRAD_RESULTS, one file a process)
compare.py    ``python -m tests.conformance.compare DIRECTORY``: across TensorFlows, with a page to look at
"""
