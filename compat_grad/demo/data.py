"""The images: scikit-learn's handwritten digits, or CIFAR-10 from its python batches.

Either way a `Dataset` of bytes as they come from disk; `as_floats` scales one batch at a time, so that CIFAR-10 needs
180 MB and not 740. Knows nothing of TensorFlow.
"""

import collections
import os
import pickle
import warnings

import numpy as np

from compat_grad.demo.errors import DemoError

Dataset = collections.namedtuple("Dataset", "name train_images train_labels test_images test_labels brightest")

CLASSES = 10
TEST_DIGITS = 360
CIFAR_TRAINING_FILES = ["data_batch_{}".format(number) for number in range(1, 6)]
CIFAR_TEST_FILE = "test_batch"
CIFAR_HOME = "https://www.cs.toronto.edu/~kriz/cifar.html"


def load_dataset(directory, limit):
    """CIFAR-10 from `directory`, or the digits where that is None; at most `limit` images of either kind."""
    dataset = load_digits() if directory is None else load_cifar(directory)
    return dataset if limit is None else first_images(dataset, limit)


def first_images(dataset, limit):
    """The first `limit` training images and the first `limit` test images; both sets come shuffled."""
    return dataset._replace(
        train_images=dataset.train_images[:limit],
        train_labels=dataset.train_labels[:limit],
        test_images=dataset.test_images[:limit],
        test_labels=dataset.test_labels[:limit],
    )


def as_floats(dataset, images):
    """A batch of the dataset's images as float32 from 0 to 1."""
    return images.astype(np.float32) / np.float32(dataset.brightest)


def load_digits():
    """The 1,797 digits of 8 x 8 pixels (Alpaydin and Kaynak, UCI 1998), always split in the same way."""
    try:
        from sklearn import datasets
    except ImportError:
        raise DemoError(
            "the digits come with scikit-learn, which is not installed; "
            "install it with: pip install 'compat_grad[demo]'"
        ) from None
    digits = datasets.load_digits()
    order = np.random.RandomState(0).permutation(len(digits.target))
    images = digits.images[order][..., np.newaxis].astype(np.uint8)
    labels = digits.target[order].astype(np.int32)
    split = len(labels) - TEST_DIGITS
    return Dataset("digits", images[:split], labels[:split], images[split:], labels[split:], brightest=16)


def load_cifar(directory):
    """CIFAR-10 (Krizhevsky, 2009) from the six files of its python version, or from the folder around them."""
    unpacked = os.path.join(directory, "cifar-10-batches-py")
    if os.path.isdir(unpacked):
        directory = unpacked
    parts = [read_cifar_batch(os.path.join(directory, name)) for name in CIFAR_TRAINING_FILES]
    test_images, test_labels = read_cifar_batch(os.path.join(directory, CIFAR_TEST_FILE))
    return Dataset(
        "CIFAR-10",
        np.concatenate([images for images, _ in parts]),
        np.concatenate([labels for _, labels in parts]),
        test_images,
        test_labels,
        brightest=255,
    )


def read_cifar_batch(path):
    """One file's images [n, 32, 32, 3] and labels [n]; DemoError where it is missing or damaged."""
    try:
        with open(path, "rb") as file:
            return check_cifar_batch(ArrayUnpickler(file, encoding="bytes").load_quietly())
    except OSError as error:
        raise DemoError(
            "cannot read {}: {} (CIFAR-10's python version is six files, {} to {} and {}; {})".format(
                path, error.strerror, CIFAR_TRAINING_FILES[0], CIFAR_TRAINING_FILES[-1], CIFAR_TEST_FILE, CIFAR_HOME
            )
        ) from None
    except Exception as error:  # a damaged pickle raises nearly anything: EOFError, KeyError, MemoryError ...
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DemoError("{} is not a CIFAR-10 batch, or a damaged one: {}".format(path, reason)) from None


def check_cifar_batch(batch):
    """Images and labels out of what a batch file holds, if it holds them; ValueError if not."""
    if not isinstance(batch, dict) or not {b"data", b"labels"} <= set(batch):
        raise ValueError("it does not hold 'data' and 'labels'")
    rows, labels = np.asarray(batch[b"data"]), np.asarray(batch[b"labels"])
    if rows.dtype != np.uint8 or rows.ndim != 2 or rows.shape[1] != 3 * 32 * 32 or not len(rows):
        raise ValueError("'data' should be bytes of shape (n, 3072), not {} of shape {}".format(rows.dtype, rows.shape))
    if labels.shape != (len(rows),) or labels.dtype.kind != "i" or labels.min() < 0 or labels.max() >= CLASSES:
        raise ValueError("'labels' should be {} numbers from 0 to {}".format(len(rows), CLASSES - 1))
    return rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels.astype(np.int32)


class ArrayUnpickler(pickle.Unpickler):
    """Unpickles NumPy arrays and plain Python values, and refuses everything else: a pickle may run any code."""

    def find_class(self, module, name):
        # NumPy has renamed its modules since CIFAR-10 was written; asking an array gives today's function.
        known = {"_reconstruct": np.zeros(1).__reduce__()[0], "ndarray": np.ndarray, "dtype": np.dtype}
        if module.split(".")[0] == "numpy" and name in known:
            return known[name]
        if (module, name) == ("_codecs", "encode"):  # how Python 3 writes bytes for Python 2
            return super().find_class(module, name)
        raise pickle.UnpicklingError("it asks for {}.{}, which no batch needs".format(module, name))

    def load_quietly(self):
        """`load` without NumPy 2.4's warning that dtypes were pickled otherwise in 2009."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.load()
