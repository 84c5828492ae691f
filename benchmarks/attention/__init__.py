"""Figure 4: class-token attention against true masks.

It imports features and reporting.
"""
