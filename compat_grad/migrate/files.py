"""From paths to source texts: Python files and the cells of notebooks. Knows nothing of what is looked for in them."""

import collections
import io
import json
import os
import tokenize

SKIPPED_FOLDERS = frozenset(("__pycache__", "node_modules", "build", "dist"))

Source = collections.namedtuple("Source", "path cell text")
Source.__doc__ = """A text of Python code. path: of the file; cell: the number of a notebook's code cell, else None."""

Unread = collections.namedtuple("Unread", "path cell line reason")
Unread.__doc__ = """What could not be looked into, and why; line: None where it is about the whole file."""


def python_files(paths):
    """Return the .py and .ipynb files in these files and folders, sorted, each once; hidden folders are left out.

    Raises:
      FileNotFoundError: there is nothing at a path.
    """
    found = collections.OrderedDict()
    for path in paths:
        if os.path.isfile(path):
            found[path] = None  # whatever its name ends in: it was asked for
        elif os.path.isdir(path):
            found.update((one, None) for one in _in_folder(path))
        else:
            raise FileNotFoundError("no such file or folder: {}".format(path))
    return list(found)


def _in_folder(path):
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS and not name.startswith("."))
        for name in sorted(names):
            if name.endswith((".py", ".ipynb")):
                yield os.path.join(folder, name)


def read_sources(path):
    """Return the `Source`s in a file: one, or one for each code cell of a notebook.

    Raises:
      ValueError: the file is not text in the encoding that it declares, or no notebook.
    """
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith(".ipynb"):
        return _cells(path, data)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise ValueError("not Python source: {}".format(error)) from None
    return [Source(path, None, text.lstrip("\ufeff"))]


def _cells(path, data):
    try:
        cells = json.loads(data.decode("utf-8"))["cells"]
        texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError("not a notebook: {}: {}".format(type(error).__name__, error)) from None
    return [Source(path, number, _without_magics(text)) for number, text in enumerate(texts, 1)]


def _without_magics(text):
    """Return the text of a cell with what only IPython understands as comments, every line at its place."""
    lines = text.split("\n")
    if lines[0].startswith("%%"):
        return "\n".join("# " + line for line in lines)
    return "\n".join("# " + line if _is_magic(line) else line for line in lines)


def _is_magic(line):
    return line.lstrip()[:1] in ("%", "!", "?") or line.rstrip().endswith("?")
