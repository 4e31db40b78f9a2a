"""``python -m compat_grad demo``: the face of `compat_grad.demo`."""

from compat_grad import demo


def main(argv):
    """Run the demo with these arguments; return its exit code."""
    return demo.main(argv)
