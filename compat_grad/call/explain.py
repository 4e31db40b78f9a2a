"""The line that an exception from the user's own code gets: which override it came through, and the cure where known.

The exception stays the same object, of its type, with its words. Costs nothing until there is one. Knows nothing of
calls.
"""

import re

from compat_grad import _tf

#: What TensorFlow says of likely mistakes -> the way out.
CURES = [
    (
        # "tf.gradients is not supported when ... is enabled", Tensor.op, placeholders; EAGER mode: 1.5 and 1.6
        re.compile("eager execution|EAGER mode"),
        "It needs a graph: with strategy='gradient_override_map' the call and its backward run in one. (What forward "
        "itself would have given is op.native_gradient(*output_grads).)",
    ),
    (
        re.compile("no attribute 'numpy'|symbolic .*to a numpy array"),
        "In graphs and traced functions a tensor has no value yet: put NumPy code into tf.numpy_function (tf.py_func).",
    ),
]
if not _tf.has_autograph():
    CURES.append(
        (
            re.compile("AutoGraph|as a Python `?bool"),
            "compat_grad cannot reach the AutoGraph of this TensorFlow: branch and loop by tf.cond and tf.while_loop, "
            "or hand forward over as tf.autograph.to_graph(forward).",
        )
    )


def explain(error, title, whose):
    """Return the exception to raise for one that has been caught: the same with one line more, or the one behind it.

    Args:
      error: an exception. It gets no line where an override is named in it already.
      title: how error messages call the override.
      whose: what raised it, such as "forward".
    """
    error = _tf.hand_on(error)
    said = words_of(error)
    if "override_gradient" not in said:
        cures = [cure for pattern, cure in CURES if pattern.search(said)]
        _add_line(error, " ".join(["{}: raised in {}.".format(title, whose)] + cures))
    error._keras_call_info_injected = True  # Keras 2 and 3 would put another one in its place, too
    return error


def words_of(error):
    """Return all that an exception says: its words, its notes, and those of what it names as its cause."""
    said = []
    while error is not None:
        said += [str(error)] + list(getattr(error, "__notes__", ()))
        error = error.__cause__
    return "\n".join(said)


def _add_line(error, line):
    if hasattr(error, "add_note"):  # Python 3.11
        error.add_note(line)
    elif not _extend_words(error, line):
        while error.__cause__ is not None:
            error = error.__cause__
        error.__cause__ = RaisedInOverride(line)


def _extend_words(error, line):
    """Append line to the words of an exception that are its one argument; return whether that was so."""
    words, args = str(error), error.args
    if len(args) != 1 or args[0] != words:
        return False
    error.args = (words + "\n" + line,)
    if line in str(error):
        return True
    error.args = args  # it keeps its words elsewhere
    return False


class RaisedInOverride(Exception):
    """Says, as its cause, which override an exception came through, before Python 3.11 has notes."""
