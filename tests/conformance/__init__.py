"""The proof of "the same gradients everywhere": our catalogue of overrides, by the means of `compat_grad.testing`.

families/           the catalogue: what each override is, and its values and gradients as NumPy float64 formulas
test_catalogue.py   each case in each way: right, and the same bits in all of them
test_saved.py       the same, saved, and loaded by a process that cannot import compat_grad (bare.py)
"""
