"""The progress bar: tqdm's, or one plain line where tqdm is not installed."""

import contextlib
import sys


@contextlib.contextmanager
def progress_bar(name, steps):
    """Give a function to be called with the loss after each of `steps` steps."""
    try:
        from tqdm import tqdm
    except ImportError:
        print("{}: {} steps ... (pip install tqdm for a progress bar)".format(name, steps), file=sys.stderr)
        yield lambda loss: None
        return
    with tqdm(total=steps, desc="{:<11}".format(name), unit="step", mininterval=0.2) as bar:

        def show(loss):
            bar.set_postfix(loss="{:.3f}".format(loss), refresh=False)
            bar.update()

        yield show
