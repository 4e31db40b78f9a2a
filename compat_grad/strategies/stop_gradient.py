"""Strategy ``stop_gradient``: the trick written out in plain ops, for surrogates, which alone it can express."""


def connect(outputs, inputs, vjp):
    return vjp.written_out(outputs, inputs)
