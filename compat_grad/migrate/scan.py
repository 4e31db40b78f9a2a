"""Looks through files: what overrides gradients in them, and what could not be looked into. Prints nothing."""

import collections

import libcst as cst

from compat_grad.migrate.files import Unread, python_files, read_sources
from compat_grad.migrate.finder import WORDS, find

Report = collections.namedtuple("Report", "findings unread n_files")
Report.__doc__ = """findings: list of `Finding`; unread: list of `Unread`; n_files: how many files were looked at."""


_UNMAPPED = "No map in these files names it: if it is the type of an op of your own, it needs no change."


def scan(paths, progress=iter):
    """Look through these files and folders.

    Args:
      paths: of Python files, notebooks, and folders of such.
      progress: function that wraps the list of files for iteration, as ``tqdm.tqdm`` does.

    Raises:
      FileNotFoundError: there is nothing at a path.
    """
    files = python_files(paths)
    findings, unread = [], []
    for path in progress(files):
        try:
            sources = read_sources(path)
        except (ValueError, OSError) as error:
            unread.append(Unread(path, None, None, str(error)))
            continue
        for source in sources:
            _scan_source(source, findings, unread)
    return Report(_with_other_files(findings), unread, len(files))


def _scan_source(source, findings, unread):
    lines = source.text.splitlines()
    if not any(word in source.text for word in WORDS):
        return
    try:
        findings.extend(find(source))
    except cst.ParserSyntaxError as error:
        where = [str(number) for number, line in enumerate(lines, 1) if any(word in line for word in WORDS)]
        reason = "not Python 3 ({}); look yourself at line{} {}".format(
            error.message.partition(": expected")[0], "s" if len(where) > 1 else "", ", ".join(where)
        )
        unread.append(Unread(source.path, source.cell, None, reason))
    except RecursionError:
        unread.append(Unread(source.path, source.cell, None, "an expression is nested too deeply"))


def _with_other_files(findings):
    """Tell of each registered name whether any map, in whichever file, names it."""
    mapped = {name for finding in findings for name in finding.mapped}
    told = []
    for finding in findings:
        if finding.registered is not None and finding.registered not in mapped:
            finding = finding._replace(what="{} {}".format(finding.what, _UNMAPPED))
        told.append(finding)
    return told
