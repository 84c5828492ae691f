"""Published figures of clicks to a mask, to set a run's own beside them.

On DAVIS, one frame in ten of its videos, all objects of a frame as one in most of them.
"""

from __future__ import annotations

from benchmarks.reporting.published_figures import PublishedTable

CLICKS = PublishedTable(
    "Clicks",
    "DAVIS, mean clicks until the IoU is reached, 20 at most",
    ("clicks to .85", "clicks to .90"),
    (
        ("graph cut", (15.1, 17.4)),
        ("random walker", (16.7, 18.3)),
        ("deep object selection, trained on masks", (9.0, 12.6)),
        ("RITM, trained on masks", (4.9, 6.7)),
    ),
    lower_is_better=True,
)
