"""What error messages repeat of a file or a graph, in bounded length: it may be of 100 MB, and a stranger's.

Knows nothing of TensorFlow, and must not.
"""

LONGEST = 1000


def shortened(text, most=LONGEST):
    """Return text, or where it is longer than most characters its beginning, and how long it is."""
    text = str(text)
    return text if len(text) <= most else "{}... ({} characters)".format(text[: most - 30], len(text))
