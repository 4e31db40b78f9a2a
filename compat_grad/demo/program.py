"""What the demo does, in order: load the images, show why the override exists, train in each mode, compare, draw."""

import contextlib
import functools
import logging
import os

import tensorflow as tf

from compat_grad.demo import degenerate, report
from compat_grad.demo.data import as_floats, load_dataset
from compat_grad.demo.errors import DemoError
from compat_grad.demo.model import initial_parameters
from compat_grad.demo.modes import enable_eager, missing_modes
from compat_grad.demo.options import MODES
from compat_grad.demo.picture import picture_formats, save_picture
from compat_grad.demo.quiet import native_noise_kept
from compat_grad.demo.train import train

PICTURED_IMAGES = 200
EPOCHS = {"digits": 10, "CIFAR-10": 1}

# At once, also into a pipe: the progress bar between these lines is on stderr.
say = functools.partial(print, flush=True)


def run(options):
    """Run the demo with these options and return the exit code."""
    with without_tensorflow_warnings():
        picture = check_picture(options.picture)
        dataset = load_dataset(options.data, options.limit)
        enable_eager(options.modes)
        modes = choose_modes(options.modes)
        options.epochs = options.epochs or EPOCHS[dataset.name]
        describe(dataset)
        with native_noise_kept():
            gradients = degenerate.differentiate(initial_parameters(options.seed, (8, 8, 1))[0], modes)
        verdicts = degenerate.verdicts(gradients)
        say(report.what_is_shown(verdicts))
        initial = initial_parameters(options.seed, dataset.train_images.shape[1:])
        results = [train(mode, initial, dataset, options) for mode in modes]
        say("\n" + report.table(results, verdicts))
        code = conclude(results)
        save(picture, gradients, results, initial, dataset)
        return code


@contextlib.contextmanager
def without_tensorflow_warnings():
    """Keep TensorFlow 1.15's remarks on its own deprecated functions out of the demo's output."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def choose_modes(wanted):
    """The modes to train in: those wanted, or all there are; a mode that is missing is said, or an error if wanted."""
    missing = missing_modes()
    for name in wanted or ():
        if name in missing:
            raise DemoError("mode {} cannot be had: {}".format(name, missing[name]))
    if not wanted:
        for name, reason in sorted(missing.items()):
            say("Without mode {}: {}.".format(name, reason))
    return wanted or [name for name in MODES if name not in missing]


def describe(dataset):
    """Print what runs on what."""
    say(
        "TensorFlow {}, {}: {} training and {} test images of {} x {} x {}".format(
            tf.__version__,
            dataset.name,
            len(dataset.train_labels),
            len(dataset.test_labels),
            *dataset.train_images.shape[1:],
        )
    )


def check_picture(path):
    """Notice before the training that the picture could not be saved after it; return the path, with a suffix."""
    suffix = os.path.splitext(path)[1]
    path = path if suffix else path + ".png"
    formats = picture_formats()
    if suffix and formats and suffix[1:].lower() not in formats:
        raise DemoError(
            "cannot save the picture {}: matplotlib has no format {}; choose one of {}".format(
                path, suffix, ", ".join(sorted(formats))
            )
        )
    is_new = not os.path.lexists(path)
    try:
        open(path, "ab").close()  # what permissions say of a read-only place is not all that there is to it
    except OSError as error:
        raise DemoError(
            "cannot save the picture {}: {}; choose another place with --picture FILE".format(path, error.strerror)
        ) from None
    if is_new:
        os.remove(path)
    return path


def save(path, gradients, results, initial, dataset):
    """Save the picture, or say why there is none."""
    images = as_floats(dataset, dataset.test_images[:PICTURED_IMAGES])
    try:
        save_picture(path, gradients, results, initial[0], images)
        say("Picture: {}".format(os.path.abspath(path)))
    except ImportError:
        say("No picture: matplotlib is not installed; install it with: pip install 'compat_grad[demo]'")
    except OSError as error:
        raise DemoError("cannot save the picture {}: {}".format(path, " ".join(str(error).split()))) from None


def conclude(results):
    """Say how alike the modes were; exit code 1 where their first gradients were not the same to the last bit."""
    if any(report.largest_difference(result, results[0]) != 0 for result in results):
        say("The modes' first gradients differ, which they should not.")
        return 1
    if len(results) > 1:
        say(
            "The first step's gradients are the same to the last bit in all modes{}.".format(
                ", and so is the loss at every step" if report.same_curves(results) else "; losses differ later on"
            )
        )
    return 0
