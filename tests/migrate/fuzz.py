"""Scans and rewrites whole trees of other people's code, in copies: ``python -m tests.migrate.fuzz FOLDER...``

Nothing may crash; no file may change in which nothing was rewritten; what compiled before must compile afterwards; a
second time there must be nothing to do. Prints how fast it went, and what was rewritten.
"""

import os
import shutil
import sys
import tempfile
import time

from compat_grad.migrate import apply
from compat_grad.migrate.files import python_files
from compat_grad.migrate.scan import scan


def main(folders):
    for folder in folders:
        with tempfile.TemporaryDirectory() as copy:
            _copy_sources(folder, copy)
            print(folder)
            fuzz(copy)


def _copy_sources(folder, copy):
    for path in python_files([folder]):
        to = os.path.join(copy, os.path.relpath(path, folder))
        os.makedirs(os.path.dirname(to), exist_ok=True)
        shutil.copyfile(path, to)


def fuzz(folder):
    """Scan, rewrite, with and without wrapping, and check a folder; its files are changed."""
    every = python_files([folder])
    before = {path: _read(path) for path in every}
    n_lines = sum(data.count(b"\n") for data in before.values())
    report = _timed("scan", lambda: scan([folder]), len(every), n_lines)
    print("  scan: {} findings, {} not looked into".format(len(report.findings), len(report.unread)))
    for wrap in (False, True):
        name = "migrate --wrap" if wrap else "migrate"
        migration = _timed(name, lambda wrap=wrap: apply.migrate([folder], wrap), len(every), n_lines)
        for path, (_, new) in migration.files.items():
            apply.write(path, new)
        _check(migration, before, wrap)
        for path, (old, _) in migration.files.items():
            apply.write(path, old)


def _timed(name, call, n_files, n_lines):
    start = time.process_time()
    result = call()
    seconds = time.process_time() - start
    print(
        "  {}: {} files, {} lines in {:.1f} s CPU: {:.0f} files/s, {:.0f} lines/s".format(
            name, n_files, n_lines, seconds, n_files / seconds, n_lines / seconds
        )
    )
    return result


def _check(migration, before, wrap):
    changed = {path for path, data in before.items() if _read(path) != data}
    reported = {entry.path for entry in migration.entries if entry.action in ("rewritten", "wrapped")}
    assert changed == set(migration.files) == reported, changed ^ reported
    for path in changed:
        if _compiles(before[path], path):
            assert _compiles(_read(path), path), "{} does not compile any more".format(path)
    assert apply.migrate(sorted(changed), wrap).files == {} if changed else True, "not done at once"
    for entry in migration.entries:
        if entry.action != "right as it is":
            print("    {}:{}: {}: {}".format(os.path.relpath(entry.path), entry.line, entry.action, entry.what)[:200])


def _compiles(data, path):
    try:
        compile(data, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def _read(path):
    with open(path, "rb") as file:
        return file.read()


if __name__ == "__main__":
    main(sys.argv[1:])
