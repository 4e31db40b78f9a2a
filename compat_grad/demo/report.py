"""What the demo says at the end, as text: the verdicts on the degenerate batch and the table of modes."""

import numpy as np


def verdict_line(verdict):
    """A gradient's verdict in words."""
    if verdict.bad:
        return "{} of {} entries are NaN or inf".format(verdict.bad, verdict.entries)
    return "finite, wrong by {:.1g} times the largest entry".format(verdict.error)


def largest_difference(result, reference):
    """The largest absolute difference between two results' gradients of the first step."""
    return max(
        float(np.max(np.abs(ours - theirs))) for ours, theirs in zip(result.first_gradients, reference.first_gradients)
    )


def final_loss(result):
    """The mean loss of the last epoch: a single batch's is mostly luck."""
    return float(np.mean(result.losses[-result.steps_an_epoch :]))


def table(results):
    """A line for each mode, compared with the first of them."""
    header = ["mode", "strategy", "final loss", "test accuracy", "difference from " + results[0].mode, "ms a step"]
    rows = [
        [
            result.mode,
            result.strategy,
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
