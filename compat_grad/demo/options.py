"""The demo's command line."""

import argparse

MODES = ("graph", "eager", "tf.function")


def positive(text):
    """An integer of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("{} is less than 1".format(number))
    return number


def seed(text):
    """An integer that NumPy takes as a seed."""
    number = int(text)
    if not 0 <= number < 2**32:
        raise argparse.ArgumentTypeError("{} is not in 0 .. 2**32 - 1".format(number))
    return number


def mode_names(text):
    """Comma-separated names of modes, put into the order of MODES."""
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in MODES]
    if unknown:
        raise argparse.ArgumentTypeError("no such mode: {}; there are {}".format(", ".join(unknown), ", ".join(MODES)))
    return [name for name in MODES if name in names]


def parse_options(argv):
    """The options in `argv`; argparse itself ends the program where they make no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m compat_grad demo",
        description="Train an image classifier, whose first layer is one gradient override, by the same code in every "
        "mode of the running TensorFlow, and compare.",
    )
    parser.add_argument(
        "--data",
        metavar="DIR",
        help="CIFAR-10's python batches (cifar-10-batches-py) instead of the "
        "handwritten digits that scikit-learn ships",
    )
    parser.add_argument("--epochs", type=positive, help="passes over the training images (default: 10, CIFAR-10: 1)")
    parser.add_argument("--batch-size", type=positive, default=64, metavar="N", help="images a step (default: 64)")
    parser.add_argument("--limit", type=positive, metavar="N", help="use N training and N test images at most")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of weights and batches (default: 0)")
    parser.add_argument(
        "--modes",
        type=mode_names,
        metavar="A,B",
        help="of {} (default: all that this TensorFlow has)".format(", ".join(MODES)),
    )
    parser.add_argument(
        "--picture",
        default="compat_grad_demo.png",
        metavar="FILE",
        help="where to save the picture (default: %(default)s)",
    )
    return parser.parse_args(argv)
