"""From what a user writes ("1.15", "2.4..2.15", "2.15.1") to releases."""

import difflib

from compat_grad.matrix.releases import RELEASES, order


class UnknownVersion(ValueError):
    """A version of TensorFlow that there is none of, with the nearest that there is."""


def choose(words):
    """Return the `Release`s that these words name, the oldest first, each once.

    Args:
      words: minors ("2.15"), full versions ("2.15.1", which takes that minor's last patch), ranges of minors with both
        ends in them ("1.15..2.4"; "2.15.." and "..1.4" are open), and "all".

    Raises:
      UnknownVersion: one of them names nothing.
    """
    chosen = set()
    for word in words:
        chosen.update(_minors(word))
    return [release for minor, release in RELEASES.items() if minor in chosen]


def _minors(word):
    if word == "all":
        return list(RELEASES)
    if ".." not in word:
        return [_minor(word)]
    first, _, last = word.partition("..")
    everything = list(RELEASES)
    start = order(_minor(first)) if first else order(everything[0])
    end = order(_minor(last)) if last else order(everything[-1])
    found = [minor for minor in everything if start <= order(minor) <= end]
    if not found:
        raise UnknownVersion("{!r} is empty: ranges go from the older to the newer version.".format(word))
    return found


def _minor(word):
    minor = ".".join(word.split(".")[:2])
    if minor in RELEASES:
        return minor
    near = _nearest(word)
    raise UnknownVersion("there is no TensorFlow {!r} here; the nearest is {}.".format(word, near))


def _nearest(word):
    try:
        major, number = order(".".join(word.split(".")[:2]))
    except ValueError:
        close = difflib.get_close_matches(word, list(RELEASES), n=1, cutoff=0.0)
        return close[0]
    newest = list(RELEASES)[-1]
    if (major, number) > order(newest):
        return newest
    return min(RELEASES, key=lambda one: (abs(order(one)[0] - major), abs(order(one)[1] - number)))
