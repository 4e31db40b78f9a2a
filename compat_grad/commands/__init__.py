"""The commands of ``python -m compat_grad``: one module each, a thin face over what the library does.

A command's module has ``main(argv)``, which parses its own options and returns the exit code. It must not load
TensorFlow (nor NumPy) before its options make sense: ``--help`` answers at once. A command computes nothing itself.
"""

import collections

PROGRAM = "python -m compat_grad"

#: name -> what --help says of it. The module of that name in this folder is the command.
COMMANDS = collections.OrderedDict(
    [
        ("info", "tell the versions, the mode, and which strategies can be had here and why not the others"),
        ("run", "run a program of yours, and tell which override maps TensorFlow ignored, or make them hold"),
        ("scan", "find the code that overrides gradients the TensorFlow 1 way, and say what becomes of it"),
        ("migrate", "rewrite that code where it is certain, and say what is left to decide"),
        ("verify", "hold an override of yours to itself in every mode and strategy, and to what it should be"),
        ("matrix", "write a tox.ini that tests your project against real TensorFlows, with their Pythons and pins"),
        ("compare", "compare what tests found in several TensorFlows, and write a page to look at"),
        ("demo", "train an image classifier by the same code in every mode and compare"),
    ]
)
