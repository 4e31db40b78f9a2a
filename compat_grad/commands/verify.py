"""``python -m compat_grad verify package.module:name``: the face of `compat_grad.testing.verify`."""

import argparse
import json
import logging
import os
import sys

from compat_grad.commands import COMMANDS, PROGRAM

EPILOG = """\
inputs:
  float32[4,8]         normally distributed
  float32[?,8]=0..1    uniform, and the first dimension is unknown where the function is traced
  int32[4]=0..9        9 is not among them
  float64=0.5          a scalar
  --inputs FILE.npz    the arrays in a file, in the order of their names
  --inputs MODULE:NAME what a function of yours returns, an array or a list of them

example: {} verify my_project.layers:binarize --input float32[?,8] --surrogate my_project.layers:hard_tanh
The exit code is 0 where all agree, 1 where any differs, 2 where the question makes no sense."""


def main(argv):
    """Print a table of verdicts, or JSON; return 0, 1 where any differs, or 2 for what cannot be verified."""
    options = _parser().parse_args(argv)
    if not sys.path or sys.path[0] not in ("", os.getcwd()):
        sys.path.insert(0, os.getcwd())  # as python -m does; the installed command does not
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # its remarks on retracing would bury the table
    from compat_grad.testing.specs import BadSpec, given, named

    try:
        if options.behaviour:
            _choose(options.behaviour)
        function, formula, surrogate = (
            named(name) if name else None for name in (options.target, options.formula, options.surrogate)
        )
        if not callable(function):
            raise BadSpec("{!r} is no function, but {!r}".format(options.target, function))
        inputs = given(options.input, options.inputs, options.seed)
        if not inputs:
            raise BadSpec("without inputs there is nothing to differentiate by: --input float32[4,8]")
        checks = list(_checks(options, function, inputs, formula, surrogate))
    except BadSpec as error:
        print("{} verify: {}".format(PROGRAM, error), file=sys.stderr)
        return 2
    from compat_grad.testing.verdicts import as_json, as_table

    if options.json:
        print(json.dumps(as_json(options.target, inputs, checks), indent=2))
    else:
        as_table(options.target, checks)
    return int(any(check.verdict == "differs" for check in checks))


def _checks(options, function, inputs, formula, surrogate):
    from compat_grad.testing.specs import BadSpec
    from compat_grad.testing.verify import verify

    try:
        yield from verify(
            function,
            inputs,
            order=options.order,
            ulps=options.ulps,
            modes=options.modes and options.modes.split(","),
            numeric=options.numeric,
            formula=formula,
            surrogate=surrogate,
        )
    except (TypeError, ValueError) as error:  # of the question itself: a mode that there is not, no floating input
        raise BadSpec(" ".join(str(error).split())) from error


def _choose(behaviour):
    from compat_grad.testing.process import choose_behaviour
    from compat_grad.testing.specs import BadSpec

    try:
        choose_behaviour(behaviour)
    except ValueError as error:
        raise BadSpec(str(error)) from None


def _parser():
    parser = argparse.ArgumentParser(
        prog=PROGRAM + " verify",
        description=COMMANDS["verify"].capitalize() + ".",
        epilog=EPILOG.format(PROGRAM),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("target", metavar="MODULE:NAME", help="the override, or any other function of tensors")
    parser.add_argument("--input", action="append", default=[], metavar="SPEC", help="one argument; may be repeated")
    parser.add_argument("--inputs", metavar="SOURCE", help="more arguments, from an .npz or a function of yours")
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers (default: %(default)s)")
    parser.add_argument("--numeric", action="store_true", help="hold the gradient to finite differences of the values")
    parser.add_argument("--formula", metavar="MODULE:NAME", help="f(*inputs, *output_gradients) -> gradients, in NumPy")
    parser.add_argument("--surrogate", metavar="MODULE:NAME", help="a function whose gradients it should have")
    parser.add_argument("--order", type=int, choices=(1, 2), default=2, help="of derivatives (default: %(default)s)")
    parser.add_argument("--ulps", type=int, default=0, help="how far modes may be apart (default: %(default)s)")
    parser.add_argument(
        "--modes",
        metavar="A,B",
        help="only these, as compat_grad.testing.modes() calls them; all takes saved_model, too, which is slow",
    )
    parser.add_argument("--behaviour", choices=("eager", "v1"), help="TensorFlow 1 eagerly, or TensorFlow 2 as 1")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser
