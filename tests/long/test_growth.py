"""Thousands of graphs, traces, overrides, shapes and steps leave nothing of ours behind, in a process for each.

Of the bytes a table is printed, beside those of others; how many of them stay depends on the machine's C library, too.
"""

import pytest

from tests.long import growth


@pytest.mark.parametrize("kind", growth.kinds(), ids=lambda kind: kind.__name__)
def test_what_is_ours_and_what_is_registered_does_not_grow(kind):
    rows, count = [], growth.how_often(kind)
    for contender in growth.contenders():
        run = growth.run(kind, contender, count)
        rows.append((contender, run))
        if contender in growth.OURS:
            assert run.growth("ours") <= 0 and run.growth("names") <= 0, contender
    print("\n{:,} times: {}".format(count, kind.__doc__))
    for contender, run in rows:
        slopes = ", ".join(
            "{:.1f} ± {:.1f} {}".format(*run.slope(what), what) for what in ("bytes", "objects", "names")
        )
        print("  {:18} {} a call".format(contender, slopes))
