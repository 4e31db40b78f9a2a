"""``python -m compat_grad run [--check | --honor] SCRIPT ARGS...``: a program, with its override maps looked after.

The face of `compat_grad.legacy`, which is loaded when the program loads TensorFlow.
"""

import argparse
import contextlib
import sys

from compat_grad.commands import COMMANDS, PROGRAM


def main(argv):
    """Run the program and report; return its exit code, or 1 where it is 0 and --check found a map ignored."""
    options = _parse(argv)
    from compat_grad.legacy.children import Children
    from compat_grad.legacy.program import CannotRun, run_program

    report, children = None, Children()

    def meanwhile():
        nonlocal report
        if options.honor:
            from compat_grad.legacy.honor import honoring_in_all_threads

            return honoring_in_all_threads()
        from compat_grad.legacy.report import Report
        from compat_grad.legacy.watch import watching

        report = Report()
        return watching(report.ignored, report.left)

    code = None
    try:
        with children.counted():
            code = run_program(options.program, options.arguments, options.module, meanwhile)
    except CannotRun as error:
        print("{} run: {}".format(PROGRAM, error), file=sys.stderr)
        code = 2
    finally:
        if report is not None:
            _print(report, children, interrupted=code is None)
    return code or int(report is not None and report.failed())


def _print(report, children, interrupted):
    lines = report.lines() + list(filter(None, [children.line()]))
    lines[0] = "{} run --check: {}{}".format(PROGRAM, "(interrupted) " if interrupted else "", lines[0])
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        print("\n".join(lines), file=sys.stderr, flush=True)


def _parse(argv):
    parser = argparse.ArgumentParser(
        prog=PROGRAM + " run",
        usage="{} run [--check | --honor] (SCRIPT | -m MODULE) [ARGUMENT ...]".format(PROGRAM),
        description=COMMANDS["run"].capitalize() + ".",
        epilog="exit codes: the program's own; with --check, 1 where that is 0 and a map was ignored; 2 for no program",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--check",
        action="store_true",
        help="run it as it is, and list at its end (on standard error) each map that TensorFlow ignored, in which mode "
        "and how often; the default",
    )
    what.add_argument("--honor", action="store_true", help="make all maps hold, in every mode")
    parser.add_argument("-m", action="store_true", dest="module", help="the program is a module or package")
    parser.add_argument("program", metavar="SCRIPT", help="a script, or a folder or zip file with a __main__")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT", help="its arguments")
    return parser.parse_args(argv)
