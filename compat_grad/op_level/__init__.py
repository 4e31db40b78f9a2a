"""Op-level overrides: inside forward, every op of some types gets a gradient of one's own.

Promises: an op of a mapped type has the mapped gradient, in loops, branches and functions too, or there is an error.
It must know nothing of Keras, of a call's arguments or of where forward comes from; `gradients` is the way in.
"""
