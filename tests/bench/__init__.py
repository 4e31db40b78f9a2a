"""What an override costs: `python -m tests.bench` measures the TensorFlow it runs on, `tox -e bench` a row of them.

Three contenders do the same work in turns, in one process: ``override_gradient``, ``tf.custom_gradient`` (what one
would use instead) and no override at all (the limit). What counts are the ratios: seconds tell of the machine.
"""
