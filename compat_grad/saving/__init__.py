"""What becomes of an override when its graph leaves the process: in a SavedModel, a MetaGraph, a converter.

`named` gives an op of a function a name of its own in TensorFlow's registry, which SavedModels need; `written` is the
gradient that is written into one, or says why it is not. They must know nothing of arguments, structures or
strategies: of an override only a gradient function and what error messages call it.
"""
