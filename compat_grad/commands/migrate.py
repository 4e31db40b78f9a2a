"""``python -m compat_grad migrate PATH...``: the face of `compat_grad.migrate.apply`."""

import argparse
import collections
import json
import sys

from compat_grad.commands import PROGRAM, reading


def main(argv):
    """Rewrite, print the diff or write; return 0 (all is done), 1 (something is left to decide), 2 (could not)."""
    options = _parse(argv)
    if not reading.has_libcst("migrate"):
        return 2
    from compat_grad.migrate import apply

    try:
        migration = apply.migrate(options.paths, options.wrap, progress=reading.progress("rewriting"))
    except FileNotFoundError as error:
        print("{} migrate: {}".format(PROGRAM, error), file=sys.stderr)
        return 2
    if options.write and not options.force:
        unsaved = apply.unsaved(list(migration.files))
        if unsaved:
            print("{} migrate: nothing written:".format(PROGRAM), *unsaved, sep="\n  ", file=sys.stderr)
            print("Commit first, so that the changes can be looked at and undone; or --force.", file=sys.stderr)
            return 2
    if options.write:
        for path, (_, new) in migration.files.items():
            apply.write(path, new)
    if options.json:
        print(_as_json(migration, options.write))
    else:
        reading.show(_as_lines(migration, options.write))
    return 0 if apply.is_finished(migration) else 1


def _parse(argv):
    parser = argparse.ArgumentParser(
        prog=PROGRAM + " migrate",
        description="Rewrite code that overrides gradients the TensorFlow 1 way, where that is certain, to overrides "
        "that are right in every TensorFlow and mode. Shows a diff and changes nothing unless told to --write. Format "
        "and comments stay; what is not certain is left and listed with what is to be decided. Nothing is imported "
        "or run; notebooks are listed, not rewritten.",
        epilog="exit codes: 0 nothing is left to decide, 1 something is or could not be read, 2 could not run",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files and folders; the more of a program, the better")
    parser.add_argument("--write", action="store_true", help="write the files instead of showing the diff")
    parser.add_argument("--force", action="store_true", help="write what git could not give back, too")
    parser.add_argument(
        "--wrap",
        action="store_true",
        help="where a map cannot be rewritten with certainty, put @honor_override_maps on the function that enters it",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args(argv)


def _as_lines(migration, written):
    """Yield (text, style) of each line of the report."""
    from compat_grad.migrate.apply import diff

    styles = {"+": "green", "-": "red", "@": "cyan"}
    if not written:
        for path, (old, new) in migration.files.items():
            for line in diff(path, old, new):
                yield line.rstrip("\r\n"), styles.get(line[:1])
    for entry in migration.entries:
        yield (
            "{}:{}: {}: {}".format(entry.path, entry.line, entry.action, entry.what),
            "bold" if entry.action == "left" else None,
        )
    for one in migration.unread:
        yield "{}: left: {}".format(one.path, one.reason), "magenta"
    yield _summary(migration, written), "bold"


def _summary(migration, written):
    counts = collections.Counter(entry.action for entry in migration.entries)
    text = "{} file{} looked at, {} {}".format(
        migration.n_files,
        "" if migration.n_files == 1 else "s",
        len(migration.files),
        "rewritten" if written else "would be rewritten (--write does it)",
    )
    if counts:
        text += ": " + ", ".join("{} {}".format(number, action) for action, number in counts.most_common())
    if migration.unread:
        text += "; {} not rewritten".format(len(migration.unread))
    return text + "."


def _as_json(migration, written):
    return json.dumps(
        dict(
            files=migration.n_files,
            changed=list(migration.files),
            written=written,
            entries=[dict(one._asdict()) for one in migration.entries],
            unread=[dict(one._asdict()) for one in migration.unread],
        ),
        indent=2,
    )
