"""Variables are read before they are assigned: what a connection in a graph needs for that.

In a function every assignment waits for the reads before it, by control edges. TensorFlow's optimizer (Grappler, seen
on 2.4 ... 2.22) drops such an edge where the assignment depends on the read in another way too, and *afterwards* takes
an IdentityN of several tensors apart, output by output: if the other way led through one, it is gone, and the read may
come after the assignment. Any optimizer that sums gradients over replicas has such an op, and ours is one.

Knows nothing of what the vector-Jacobian product does.
"""

from compat_grad import _tf
from compat_grad._tf import tf


def gradients_after_reads(vjp, inputs, outputs, output_gradients, op_name):
    """Return ``vjp.input_gradients(...)``; the variables that it uses are read before anything assigns them later.

    Those are the ones that it reads now, and those whose value was passed. Where a read cannot be fastened to the
    variable (of functions and loops that read it, in a plain graph), the gradients wait for it: what is assigned with
    the help of any of them comes after.
    """
    if _tf.executing_eagerly():
        return vjp.input_gradients(inputs, outputs, output_gradients, op_name)
    graph = _tf.get_default_graph()
    start = _tf.extent(graph)
    _tf.have_captured_from_around()
    gradients = vjp.input_gradients(inputs, outputs, output_gradients, op_name)
    reads = _tf.uses_of_variables(_tf.operations_since(graph, start), graph)
    reads += _tf.uses_of_variables(_tf.operations_behind(inputs), graph)
    unordered = [read for read in reads if not _tf.read_once_more(read)]
    if not unordered:
        return gradients
    with tf.control_dependencies(unordered):
        return [_identity(gradient) for gradient in gradients]


def _identity(gradient):
    if isinstance(gradient, _tf.IndexedSlices):
        return _tf.IndexedSlices(tf.identity(gradient.values), gradient.indices, gradient.dense_shape)
    return tf.identity(gradient) if _tf.is_tensor_type(type(gradient)) else gradient


def outputs_together(outputs, inputs):
    """Return a context in which an op over outputs and inputs gives none of them before it has them all.

    As TensorFlow says that it does. An assignment that depends on one output shall not come before what another one
    reads: y, mean = f(x, moving_mean); moving_mean.assign(mean).
    """
    return _tf.waiting_for(outputs + inputs if len(outputs) > 1 else [])
