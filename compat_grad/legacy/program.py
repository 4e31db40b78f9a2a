"""Running a program as ``python script args`` and ``python -m module args`` do, with something to be done in it.

TensorFlow is loaded when the program loads it and not before: its environment variables are the program's to set.
Knows nothing of what is done.
"""

import contextlib
import importlib.machinery
import importlib.util
import os
import pkgutil
import sys
import threading
import types


class CannotRun(Exception):
    """There is no such program."""


def run_program(name, arguments, is_module, meanwhile):
    """Run a program as the main one of this process; return its exit code.

    Args:
      name: the path of a script, or of a folder or zip file with a ``__main__``; or the name of a module or package.
      arguments: list of strings, its arguments.
      is_module: whether name is that of a module.
      meanwhile: ``meanwhile()`` returns a context, which is entered once TensorFlow is loaded and left at the end.

    Raises:
      CannotRun: there is no such program.
      KeyboardInterrupt: it was interrupted.
    """
    sys.path[0] = os.getcwd() if is_module else os.path.dirname(os.path.abspath(name))
    spec, code = _module(name) if is_module else _script(name)
    main = types.ModuleType("__main__")
    main.__file__ = name if spec is None else spec.origin
    if spec is not None:
        main.__spec__, main.__loader__, main.__package__ = spec, spec.loader, spec.parent
    main.__builtins__ = __builtins__
    sys.argv = [main.__file__ if is_module else name] + list(arguments)
    sys.modules["__main__"] = main
    with contextlib.ExitStack() as stack:
        stack.enter_context(_when_tensorflow_is_loaded(lambda: stack.enter_context(meanwhile())))
        return _exit_code(code, main)


def _exit_code(code, main):
    try:
        exec(code, main.__dict__)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except Exception as error:
        error = error.with_traceback(error.__traceback__.tb_next)  # without the frame of ours
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    finally:
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
    return 0


def _script(path):
    if os.path.isdir(path) or (os.path.isfile(path) and pkgutil.get_importer(path) is not None):
        sys.path[0] = path
        importer = pkgutil.get_importer(path)
        if hasattr(importer, "find_spec"):
            spec = importer.find_spec("__main__")
        else:  # zip files before Python 3.10
            spec = importer.find_module("__main__") and importlib.util.spec_from_loader("__main__", importer)
        if spec is None:
            raise CannotRun("there is no __main__ in {!r}".format(path))
        return spec, spec.loader.get_code("__main__")
    try:
        with open(path, "rb") as source:
            return None, compile(source.read(), path, "exec", dont_inherit=True)
    except OSError as error:
        raise CannotRun("cannot read {!r}: {}".format(path, error.strerror)) from None


def _module(name):
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(name + ".__main__")
    except ImportError as error:
        raise CannotRun("cannot import {!r}: {}".format(name, error)) from None
    code = None if spec is None or not hasattr(spec.loader, "get_code") else spec.loader.get_code(spec.name)
    if code is None:
        raise CannotRun("there is no module {!r} to run".format(name))
    return spec, code


@contextlib.contextmanager
def _when_tensorflow_is_loaded(then):
    """Have ``then()`` called once TensorFlow is loaded: now, or at the end of its import."""
    if "tensorflow" in sys.modules:
        then()
        yield
        return
    finder = _Finder(then)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)


class _Finder:
    """Finds TensorFlow as it would be found, and has its loader call us afterwards."""

    def __init__(self, then):
        self._then = then

    def find_spec(self, name, path=None, target=None):
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None:
            load = spec.loader.exec_module

            def load_and_tell(module):
                load(module)
                self._then()

            spec.loader.exec_module = load_and_tell
        return spec
