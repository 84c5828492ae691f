"""Table 2: k-NN and linear classification of frozen features.

It imports features and reporting.
"""
