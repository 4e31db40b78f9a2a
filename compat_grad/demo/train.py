"""Training: the same batches, from the same weights, by the same update, whatever the mode.

The optimiser is NumPy: it is five lines, and then no mode has variables of its own kind.
"""

import collections
import time

import numpy as np

from compat_grad.demo.data import as_floats
from compat_grad.demo.modes import PROGRAMS
from compat_grad.demo.progress import progress_bar

LEARNING_RATE, MOMENTUM = 0.01, 0.9

Result = collections.namedtuple(
    "Result", "mode strategy losses steps_an_epoch accuracy first_gradients milliseconds parameters"
)


def batches(count, batch_size, epochs, seed):
    """Indices of each step's images: every epoch in a new order; a last batch that is not full is left out."""
    random = np.random.RandomState(seed)
    for _ in range(epochs):
        order = random.permutation(count)
        for step in range(steps_an_epoch(count, batch_size)):
            yield order[step * batch_size : (step + 1) * batch_size]


def steps_an_epoch(count, batch_size):
    """How many batches an epoch has: one at least, if need be a small one."""
    return max(1, count // batch_size)


def descend(parameters, velocities, gradients):
    """One step of gradient descent with momentum, in place."""
    for parameter, velocity, gradient in zip(parameters, velocities, gradients):
        velocity *= MOMENTUM
        velocity -= LEARNING_RATE * gradient
        parameter += velocity


def accuracy(program, parameters, dataset, batch_size):
    """The share of test images that the model gets right."""
    right = 0
    for start in range(0, len(dataset.test_labels), batch_size):
        images = as_floats(dataset, dataset.test_images[start : start + batch_size])
        answers = np.argmax(program.logits(parameters, images), axis=1)
        right += int(np.sum(answers == dataset.test_labels[start : start + batch_size]))
    return right / len(dataset.test_labels)


def steps(program, parameters, dataset, options):
    """Train `parameters` in place; yield each step's loss, gradients and seconds."""
    velocities = [np.zeros_like(array) for array in parameters]
    for chosen in batches(len(dataset.train_labels), options.batch_size, options.epochs, options.seed):
        images, labels = as_floats(dataset, dataset.train_images[chosen]), dataset.train_labels[chosen]
        start = time.time()
        loss, gradients = program.loss_and_gradients(parameters, images, labels)
        seconds = time.time() - start
        descend(parameters, velocities, gradients)
        yield float(loss), gradients, seconds


def train(mode, initial, dataset, options):
    """Train from these initial parameters in this mode; return what it came to."""
    parameters = [array.copy() for array in initial]
    an_epoch = steps_an_epoch(len(dataset.train_labels), options.batch_size)
    losses, times, first_gradients = [], [], None
    with PROGRAMS[mode](initial, dataset.train_images.shape[1:]) as program:
        with progress_bar(mode, options.epochs * an_epoch) as show:
            for loss, gradients, seconds in steps(program, parameters, dataset, options):
                first_gradients = first_gradients or gradients
                losses.append(loss)
                times.append(seconds)
                show(loss)
        share_right = accuracy(program, parameters, dataset, options.batch_size)
    milliseconds = 1000 * float(np.median(times))  # the median: the first step of a tf.function traces it
    return Result(mode, program.strategy, losses, an_epoch, share_right, first_gradients, milliseconds, parameters)
