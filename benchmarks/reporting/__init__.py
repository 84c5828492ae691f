"""What a benchmark leaves behind: records, tables, pages, published figures.

It imports no other wing.
"""
