"""The one list of TensorFlow releases: which Python each wants, and what its own requirements forgot to cap.

Our own tox.ini is held against it by a test. Every line was installed and tested.
"""

import collections

Release = collections.namedtuple("Release", "minor version distribution python pins")
Release.__doc__ = """One minor version of TensorFlow.

minor: "2.15"; version: its last patch; distribution: the name on the index ("tensorflow-cpu" is the smaller one, from
2.1 on); python: the Python to test it on; pins: list of further requirements.
"""

_PYTHONS = (  # the first minor that wants each Python
    ("1.0", "3.6"),
    ("1.13", "3.7"),
    ("2.2", "3.8"),
    ("2.5", "3.9"),
    ("2.8", "3.10"),
    ("2.12", "3.11"),
    ("2.16", "3.12"),
    ("2.20", "3.13"),
)
_VERSIONS = (  # the last patch of each minor
    "1.0.1 1.1.0 1.2.1 1.3.0 1.4.1 1.5.1 1.6.0 1.7.1 1.8.0 1.9.0 1.10.1 1.11.0 1.12.3 "
    "1.13.2 1.14.0 1.15.5 2.0.4 2.1.4 2.2.3 2.3.4 2.4.4 2.5.3 2.6.5 2.7.4 2.8.4 2.9.3 "
    "2.10.1 2.11.1 2.12.1 2.13.1 2.14.1 2.15.1 2.16.2 2.17.1 2.18.1 2.19.1 2.20.0 2.21.0 2.22.0rc0 "
)
_PINS = (  # (from, to, requirement): what those releases forgot to cap
    ("1.0", "1.14", "numpy<1.17"),
    ("1.0", "1.14", "h5py<3"),
    ("1.13", "2.8", "protobuf<3.21"),
    ("2.7", "2.11", "numpy<1.24"),
)
_CPU_FROM, _NOT_CPU = "2.1", ("2.16",)  # Keras 2 beside 2.16 (tf_keras) requires the distribution "tensorflow"


def order(minor):
    """Return what minors sort by: 1.9 before 1.10."""
    return tuple(int(part) for part in minor.split("."))


def _release(version):
    minor = ".".join(version.split(".")[:2])
    at = order(minor)
    python = [python for first, python in _PYTHONS if order(first) <= at][-1]
    pins = [pin for first, last, pin in _PINS if order(first) <= at <= order(last)]
    cpu = at >= order(_CPU_FROM) and minor not in _NOT_CPU
    return Release(minor, version, "tensorflow-cpu" if cpu else "tensorflow", python, pins)


#: minor -> Release, the oldest first.
RELEASES = collections.OrderedDict((release.minor, release) for release in map(_release, _VERSIONS.split()))
