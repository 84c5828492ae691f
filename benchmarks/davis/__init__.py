"""Table 5: video object segmentation on DAVIS, its report, comparisons and sweeps.

It imports features and reporting.
"""
