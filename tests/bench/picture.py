"""The ratios to tf.custom_gradient as a picture: a row for each thing that is measured, a dot for each TensorFlow."""

ROWS = [
    ("eager call", "scalar, one input"),
    ("eager call with a tape", "scalar, one input"),
    ("eager value and gradient", "scalar, one input"),
    ("graph building, per call", "scalar, one input, 100 calls, 0 variables"),
    ("graph building, per call", "scalar, one input, 100 calls, 400 variables"),
    ("function trace of 10", "scalar, one input"),
    ("function step of 10", "scalar, one input"),
    ("held by a tape after 20 ops", "8 MB, one input"),
]

LEAST = 0.04  # smaller ratios stand at the left edge: of memory, next to nothing may be measured
TICKS = (0.05, 0.1, 0.2, 0.5, 1)


def draw(measured, path):
    """Draw what was measured of several TensorFlows into a file (.svg or .png)."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.5))
    colors = plt.get_cmap("viridis")
    for index, each in enumerate(measured):
        ratios = {(entry["what"], entry["problem"]): entry["to_rival"] for entry in each["figures"]}
        aside = 0.09 * (index - (len(measured) - 1) / 2)  # equal dots do not hide each other
        points = [(max(LEAST, ratios[row]), y + aside) for y, row in enumerate(ROWS) if ratios.get(row) is not None]
        axes.scatter(
            *zip(*points),
            color=colors(index / max(1, len(measured) - 1)),
            label=each["tensorflow"],
            s=22,
            zorder=2,
        )
    axes.axvline(1.0, color="black", linewidth=1, zorder=1)
    axes.set_xscale("log")
    axes.set_xticks(TICKS)
    axes.set_xticklabels([str(tick) for tick in TICKS])
    axes.minorticks_off()
    axes.set_xlim(0.9 * LEAST, None)
    axes.set_yticks(range(len(ROWS)))
    axes.set_yticklabels([_label(*row) for row in ROWS])
    axes.invert_yaxis()
    axes.set_xlabel("override_gradient / tf.custom_gradient (left of the line: less)")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(title="TensorFlow", fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "bench"})  # text as text; the same file again
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None} if path.endswith(".svg") else None)
    plt.close(figure)


def _label(what, problem):
    return what + " (400 variables)" if "400 variables" in problem else what
