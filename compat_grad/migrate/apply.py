"""Rewrites the files of a program: looks at all of them, changes nothing; then writes those that differ, if asked to.

A file is replaced in one step, so it is the old one or the new one whatever happens. What git could not give back is
not overwritten without being told to. Prints nothing.
"""

import collections
import difflib
import os
import shutil
import subprocess
import tempfile

import libcst as cst

from compat_grad.migrate.files import Unread, python_files, read_sources
from compat_grad.migrate.finder import WORDS
from compat_grad.migrate.rewrite import LEFT, rewrite

Migration = collections.namedtuple("Migration", "files entries unread n_files")
Migration.__doc__ = """What a rewriting makes of some paths.

files: ordered {path: (old bytes, new bytes)} of those that change; entries: list of `Entry`; unread: list of `Unread`;
n_files: how many were looked at.
"""

Entry = collections.namedtuple("Entry", "path line action what")
Entry.__doc__ = """What was done at a place, or is left to a person: see `rewriter.Change`."""

_NOTEBOOK = "a notebook, which is not rewritten: `scan` tells what replaces what is in it"
_TENSORFLOW = "TensorFlow's own, which is loaded before compat_grad and cannot use it"


def migrate(paths, wrap=False, progress=iter):
    """Rewrite the files in these files and folders, in memory.

    Args:
      paths: of Python files, notebooks, and folders of such.
      wrap: whether functions with maps that cannot be rewritten with certainty are wrapped.
      progress: function that wraps the list of files for iteration, as ``tqdm.tqdm`` does.

    Raises:
      FileNotFoundError: there is nothing at a path.
    """
    every = python_files(paths)
    found, unread = _with_words(every)
    files, entries = collections.OrderedDict(), []
    for path in progress(list(found)):
        source, data = found[path]
        others = [text for other, (one, _) in found.items() if other != path for text in [one.text]]
        try:
            rewritten = rewrite(source, data, wrap, lambda text, others=others: any(text in one for one in others))
        except cst.ParserSyntaxError as error:
            reason = "not Python 3 ({})".format(error.message.partition(": expected")[0])
            unread.append(Unread(path, None, None, reason))
            continue
        except RecursionError:
            unread.append(Unread(path, None, None, "an expression is nested too deeply"))
            continue
        if rewritten.code != data and _is_of_tensorflow(path):
            unread.append(Unread(path, None, None, _TENSORFLOW))
            continue
        entries.extend(Entry(path, *one) for one in rewritten.changes)
        if rewritten.code != data:
            files[path] = data, rewritten.code
    return Migration(files, entries, unread, len(every))


def _with_words(paths):
    """Return {path: (Source, bytes)} of the files that may hold something, and the list of what cannot be read."""
    found, unread = collections.OrderedDict(), []
    for path in paths:
        try:
            sources = read_sources(path)
            with open(path, "rb") as file:
                data = file.read()
        except (ValueError, OSError) as error:
            unread.append(Unread(path, None, None, str(error)))
            continue
        if not any(word in source.text for source in sources for word in WORDS):
            continue
        if path.endswith(".ipynb"):
            unread.append(Unread(path, None, None, _NOTEBOOK))
        else:
            found[path] = sources[0], data
    return found, unread


def _is_of_tensorflow(path):
    """Whether a file is in the package TensorFlow itself, installed or copied."""
    folder = package = os.path.dirname(os.path.realpath(path))
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder, package = os.path.dirname(folder), folder
    named = os.path.basename(package) in ("tensorflow", "tensorflow_core")
    return named and os.path.isfile(os.path.join(package, "python", "framework", "ops.py"))


def is_finished(migration):
    """Whether nothing is left to a person."""
    return not migration.unread and not any(entry.action == LEFT for entry in migration.entries)


def diff(path, old, new):
    """Return the lines of a unified diff of a file."""
    encoding = cst.parse_module(old).encoding
    before, after = (one.decode(encoding).splitlines(keepends=True) for one in (old, new))
    return list(difflib.unified_diff(before, after, path, path))


# --- writing --------------------------------------------------------------------------------------------------


def unsaved(paths):
    """Return what git could not give back of these files once overwritten: a list of sentences, [] if all is well."""
    told = []
    for folder in sorted({_root_of(path) for path in paths} - {None}):
        try:
            changed = _git(folder, "status", "--porcelain", "--untracked-files=no").splitlines()
        except (OSError, subprocess.CalledProcessError) as error:
            told.append("git does not tell of {}: {}".format(folder, error))
            continue
        told += ["{}: changed and not committed".format(os.path.join(folder, line[3:])) for line in changed]
        inside = [path for path in paths if _root_of(path) == folder]
        kept = set(_git(folder, "ls-files", "--full-name", "-z").split("\0"))
        told += ["{}: not in git".format(path) for path in inside if _relative(path, folder) not in kept]
    return told


def _root_of(path):
    """Return the top of the git repository that a file is in, or None."""
    folder = os.path.dirname(os.path.realpath(path))
    while not os.path.exists(os.path.join(folder, ".git")):
        folder, below = os.path.dirname(folder), folder
        if folder == below:
            return None
    return folder


def _relative(path, folder):
    return os.path.relpath(os.path.realpath(path), folder).replace(os.sep, "/")


def _git(folder, *args):
    done = subprocess.run(["git", "-C", folder, *args], check=True, capture_output=True, text=True)
    return done.stdout


def write(path, data):
    """Replace a file's content in one step, keeping its permissions; of a link, the file that it leads to."""
    path = os.path.realpath(path)
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        shutil.copymode(path, temporary)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
