"""What the demo says at the end, as text: the verdicts on the degenerate batch and the table of modes."""

import numpy as np


def verdict_line(verdict):
    """A gradient's verdict in words."""
    if verdict.bad:
        return "{} of {} entries are NaN or inf".format(verdict.bad, verdict.entries)
    words = (
        "right, to {:.1g} of the largest entry"
        if verdict.error < 1e-3
        else "finite, wrong by {:.1g} times the largest entry"
    )
    return words.format(verdict.error)


def verdict_cell(verdict):
    """A gradient's verdict in a word: its error, in parts of the largest entry."""
    if verdict is None:
        return "-"
    return "NaN" if verdict.bad else "{:.1g}".format(verdict.error)


def what_is_shown(verdicts):
    """What was overridden, and what happens without: the first thing that the demo says."""
    lines = [
        "",
        "Overridden: the first layer as a whole: a convolution, the covariances of its maps, and their logarithms by",
        "an eigendecomposition. Its gradient is ours, in closed form, since TensorFlow's own is wrong where",
        "eigenvalues repeat. On a batch of bars, where they do, held against differences in float64:",
        "  without the override: {}".format(verdict_line(verdicts["no override"])),
    ]
    modes = [mode for mode in verdicts if mode != "no override"]
    return "\n".join(lines + ["  {:<21} {}".format(mode + ":", verdict_line(verdicts[mode])) for mode in modes] + [""])


def largest_difference(result, reference):
    """The largest absolute difference between two results' gradients of the first step."""
    return max(
        float(np.max(np.abs(ours - theirs))) for ours, theirs in zip(result.first_gradients, reference.first_gradients)
    )


def final_loss(result):
    """The mean loss of the last epoch: a single batch's is mostly luck."""
    return float(np.mean(result.losses[-result.steps_an_epoch :]))


def table(results, verdicts):
    """A line for what is without the override, and one for each mode, compared with the first of them."""
    header = ["mode", "gradient by", "error on the bars", "final loss", "test accuracy"]
    header += ["difference from " + results[0].mode, "ms a step"]
    rows = [["no override", "TensorFlow", verdict_cell(verdicts.get("no override")), "-", "-", "-", "-"]]
    rows += [
        [
            result.mode,
            result.strategy,
            verdict_cell(verdicts.get(result.mode)),
            "{:.4f}".format(final_loss(result)),
            "{:.1f} %".format(100 * result.accuracy),
            "{:.3g}".format(largest_difference(result, results[0])),
            "{:.1f}".format(result.milliseconds),
        ]
        for result in results
    ]
    return layout([header] + rows)


def layout(rows):
    """Rows of strings under each other, the first two columns to the left, the numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    pad = [str.ljust if index < 2 else str.rjust for index in range(len(widths))]
    lines = ["  ".join(pad[index](cell, widths[index]) for index, cell in enumerate(row)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def same_curves(results):
    """Whether all modes had exactly the same loss at every step."""
    return all(result.losses == results[0].losses for result in results)
