"""Legacy code, as text: which gradient overrides it holds, what becomes of them, and what replaces them.

Reads source files and never imports or runs them, so it works on programs for a TensorFlow, or a Python library, that
is not here. It must know nothing of TensorFlow as it runs, nor load it: what it says of TensorFlow was measured before
and is written down in `kinds`. Needs LibCST (``pip install 'compat_grad[migrate]'``, Python 3.9 and later).
"""
