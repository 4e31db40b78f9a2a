"""The targets: how much of tf.custom_gradient's cost an override may have, and how little beyond the limit."""

import collections

#: what: the figure; problems: how the names of its problems begin; key: which of its numbers; most: its target.
Target = collections.namedtuple("Target", "what problems key most")

OVERRIDES = ("scalar", "8 MB")  # the rest are surrogates, which compute more than no override does

TARGETS = [
    *(
        Target(what, (problems,), "overhead", most)
        for what, problems, most in (
            ("overhead: eager call", "scalar", 0.15),
            ("overhead: eager call with a tape", "scalar", 0.3),
            ("overhead: value and gradient", "scalar, one input", 0.3),
            ("overhead: value and gradient", "scalar, eight inputs", 0.5),
            ("graph building, per call", "scalar, one input, 100 calls, 0 variables", 0.25),
            ("graph building, per call", "scalar, one input, 100 calls, 400 variables", 0.12),
            ("overhead: tracing 200 in a tf.function with its tape", "scalar", 0.2),
        )
    ),
    Target("eager call", ("scalar",), "to_rival", 0.35),
    Target("eager call with a tape", ("scalar",), "to_rival", 0.5),
    Target("eager value and gradient", ("scalar",), "to_rival", 0.7),
    Target("eager call over forward", ("scalar",), "ours", 1.5),
    *(
        Target("graph building, per call", ("scalar, {}, 100 calls, {} variables".format(name, n),), "to_rival", most)
        for name, n, most in (
            ("one input", 0, 0.4),
            ("eight inputs", 0, 0.4),
            ("eight nested", 0, 0.4),
            ("captured variable", 0, 0.4),
            ("one input", 400, 0.1),
        )
    ),
    Target("graph building, many calls to few", ("",), "ours", 1.25),
    Target("graph building, many variables to few", ("",), "ours", 1.25),
    *(
        Target(what, OVERRIDES, key, most)
        for what in ("graph step of 10", "function step of 10", "function step of 10, jit_compile")
        for key, most in (("to_rival", 1.0), ("to_limit", 1.05))
    ),
    Target("graphs alive", ("",), "ours", 0),
    Target("registry growth", ("",), "ours", 0),
    Target("held by a tape after 20 ops", ("",), "ours", 1.25),
    Target("import beyond tensorflow", ("",), "ours", 0.02),
]


def judged(figures):
    """Yield (target, figure, number) for each figure, as the JSON file holds it, that a target is for."""
    for target in TARGETS:
        for figure in figures:
            if figure["what"] == target.what and figure["problem"].startswith(target.problems):
                number = figure["median"]["override_gradient"] if target.key == "ours" else figure[target.key]
                if number is not None:
                    yield target, figure, number
