"""Table 6: fine-tuning with labels.

It imports classification, features and reporting.
"""
