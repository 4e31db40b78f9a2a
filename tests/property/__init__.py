"""What must hold for every override that can be written: on a few examples that stay the same, or on random ones.

`tox run -e fuzz` tries thousands of random ones; the default list has the few.
"""
