"""The project's own tests are for its own tox.ini."""

collect_ignore = ["project"]
