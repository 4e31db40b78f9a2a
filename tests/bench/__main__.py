"""Measure the TensorFlow at hand, or gather what was measured on several: ``python -m tests.bench --help``."""

import argparse
import os

from tests.bench import report
from tests.bench.figures import FULL, QUICK


def main(argv=None):
    """Run a command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--to", metavar="DIRECTORY", help="write the figures there as JSON, named by TensorFlow")
    parser.add_argument("--quick", action="store_true", help="next to no repeats: proves that it runs, not more")
    parser.add_argument("--gather", metavar="DIRECTORY", help="measure nothing; table and picture of what is there")
    parser.add_argument("--overhead", action="store_true", help="only what is added, over what tf.custom_gradient adds")
    parser.add_argument("--models", action="store_true", help="only the training steps of whole models")
    parser.add_argument("--scale", action="store_true", help="only 500 arguments, 2,000 overrides, 5,000 stacked calls")
    options = parser.parse_args(argv)
    if options.gather:
        return _gather(options.gather)
    parts = {"overheads": options.overhead, "of_models": options.models, "of_scale": options.scale}
    only = next((part for part, asked in parts.items() if asked), None)
    return _measure(QUICK if options.quick else FULL, options.to, only)


def _measure(effort, directory, only):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from tests.bench import imports

    first = imports.here()
    from tests.bench import measure

    figures, sources = [], (imports.figures(first, effort), measure.figures(effort))
    for source in [getattr(measure, only)(effort)] if only else sources:
        for figure in source:
            figures.append(figure.as_json())
            print(report.line(figures[-1]), flush=True)
    environment = measure.environment()
    if directory:
        print(report.write(directory, environment, figures))
    print("\n".join(report.table([dict(environment, figures=figures)])))


def _gather(directory):
    from tests.bench import picture

    measured = report.read(directory)
    print("\n".join(report.table(measured)))
    path = os.path.join(directory, "bench.svg")
    picture.draw(measured, path)
    print(path)


if __name__ == "__main__":
    main()
