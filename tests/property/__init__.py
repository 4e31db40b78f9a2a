"""What must hold for every override that can be written, tried on random ones: `tox run -e fuzz`.

The default list does not collect them: they take hypothesis, and hours.
"""
