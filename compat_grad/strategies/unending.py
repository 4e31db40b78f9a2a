"""Stops a gradient that asks for itself: tf.gradients(op.outputs, op.inputs) in the backward of that very op.

Knows nothing of strategies, nor of what the product does.
"""

import contextlib
import threading


class _Running(threading.local):
    def __init__(self):
        self.calls = set()


_running = _Running()


@contextlib.contextmanager
def once(call, name):
    """Return the context in which the gradient of a call is built; call: what tells it from all others alive.

    Raises:
      RecursionError: this thread is in that context already.
    """
    if call in _running.calls:
        raise RecursionError(
            "override_gradient {!r}: backward asks for the gradient of op.outputs by op.inputs, which is what backward "
            "itself computes, and so on without end. What forward itself would have given is "
            "op.native_gradient(*output_grads).".format(name)
        )
    _running.calls.add(call)
    try:
        yield
    finally:
        _running.calls.discard(call)
