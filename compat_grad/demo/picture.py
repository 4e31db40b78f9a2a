"""The picture: the gradient with and without the override, loss curves of all modes on top of each other, the spectrum,
and the filters before and after.
"""

import numpy as np

from compat_grad.demo import reference

STYLES = [
    dict(linewidth=5, color="#c6dbef"),
    dict(linewidth=2.5, color="#fd8d3c"),
    dict(linewidth=1, color="#08306b", linestyle="--"),
]
FRAME = (0.78, 0.86, 0.94)


def picture_formats():
    """The suffixes that a picture may have; none where matplotlib is missing."""
    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ImportError:
        return frozenset()
    return frozenset(FigureCanvasBase.get_supported_filetypes())


def save_picture(path, gradients, results, initial_filters, images):
    """Draw gradients, results and the spectrum of some float images into a file; OSError where it cannot be written.

    ImportError where matplotlib is missing.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Not pyplot: that would choose a backend for the whole process.
    figure = Figure(figsize=(17, 4))
    FigureCanvasAgg(figure)
    degenerate, losses, spectrum, filters = [figure.add_subplot(1, 4, position) for position in (1, 2, 3, 4)]
    draw_gradients(degenerate, gradients)
    draw_losses(losses, results)
    draw_spectrum(spectrum, images, initial_filters, results[0].parameters[0])
    draw_filters(filters, initial_filters, results[0].parameters[0])
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def draw_gradients(axes, gradients):
    """Each entry of the gradients against the truth: what is right lies on the diagonal."""
    truth = gradients.truth.ravel()
    ours = next(iter(gradients.overridden.values())).ravel()
    native = gradients.native.ravel()
    seen = np.isfinite(native)
    axes.plot(truth, truth, color="grey", linewidth=1)
    axes.plot(truth[seen], native[seen], "x", color="#d7301f", label="without the override")
    if not seen.all():
        axes.plot([], [], "x", color="#d7301f", label="({} of {} are NaN)".format(np.sum(~seen), seen.size))
    axes.plot(truth, ours, ".", color="#08306b", label="with it")
    axes.set(title="gradient where eigenvalues repeat", xlabel="truth", ylabel="computed")
    axes.legend(fontsize="small")


def draw_losses(axes, results):
    """All curves, each thinner than the one before it, so that equal ones can be seen to be equal."""
    for result, style in zip(results, STYLES):
        axes.plot(result.losses, label="{} ({})".format(result.mode, result.strategy), **style)
    axes.set(title="loss", xlabel="step", ylabel="cross-entropy", yscale="log")
    axes.legend(fontsize="small")


def draw_spectrum(axes, images, before, after):
    """The eigenvalues of the regions' covariances: median, and where 90 % of the regions are."""
    for name, filters, colour in [("at first", before, "#fd8d3c"), ("trained", after, "#08306b")]:
        values = np.linalg.eigvalsh(reference.covariances(images, filters))
        values = values.reshape(-1, values.shape[-1])[:, ::-1]
        low, middle, high = np.percentile(values, [5, 50, 95], axis=0)
        ranks = np.arange(1, values.shape[1] + 1)
        axes.plot(ranks, middle, "o-", color=colour, label=name)
        axes.fill_between(ranks, low, high, color=colour, alpha=0.2)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.axhline(reference.EPSILON, color="grey", linestyle=":", label="floor: here eigenvalues repeat")
    axes.set(title="spectrum of the regions (median, 90 %)", xlabel="rank", ylabel="eigenvalue", yscale="log")
    axes.legend(fontsize="small")


def draw_filters(axes, before, after):
    """Two blocks of tiles: the filters at first above, trained below."""
    gap = np.ones((2, tiles(before).shape[1], 3))
    axes.imshow(np.concatenate([tiles(before), gap, tiles(after)]), interpolation="nearest")
    axes.set(title="filters: at first (above), trained (below)", xticks=[], yticks=[])


def tiles(filters):
    """Filters [k, k, c, d], d a multiple of 4, as one image [rows, columns, 3] from 0 to 1, each in a blue frame."""
    size, _, channels, count = filters.shape
    scaled = (filters - filters.min()) / (np.ptp(filters) or 1.0)
    framed = np.empty((count, size + 2, size + 2, 3))
    framed[:] = FRAME
    # Grey filters spread over the three colours, colour filters take them as they are.
    framed[:, 1:-1, 1:-1] = np.moveaxis(scaled, 3, 0) if channels == 3 else np.moveaxis(scaled, 3, 0)[..., :1]
    rows = [np.concatenate(list(framed[start : start + 4]), axis=1) for start in range(0, count, 4)]
    return np.concatenate(rows, axis=0)
