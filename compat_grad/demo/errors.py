"""The one exception that the demo shows as a single line instead of a traceback."""


class DemoError(Exception):
    """The demo cannot run; the message says why and what to do, in one line."""
