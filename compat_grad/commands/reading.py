"""What the commands that read source code have in common: LibCST asked for, a progress bar, lines in colours."""

import importlib.util
import sys

from compat_grad.commands import PROGRAM


def has_libcst(command):
    """Whether LibCST is installed; where not, what to install is printed."""
    if importlib.util.find_spec("libcst") is not None:
        return True
    message = "{} {}: needs LibCST (Python 3.9 and later): pip install 'compat_grad[migrate]'"
    print(message.format(PROGRAM, command), file=sys.stderr)
    return False


def progress(description):
    """Return the function that shows a bar while it iterates over many files, on a terminal."""

    def shown(files):
        if len(files) < 100 or not sys.stderr.isatty():
            return files
        try:
            from rich.console import Console
            from rich.progress import track
        except ImportError:
            return files
        return track(files, description=description, console=Console(stderr=True), transient=True)

    return shown


def show(lines):
    """Print (text, style) pairs, with rich where it is installed."""
    try:
        from rich.console import Console
    except ImportError:
        for text, _ in lines:
            print(text)
        return
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for text, style in lines:
        console.print(text, style=style)
