"""Index maps of object ids, and their files: ids, palette, values, files, codes, soft labels.

It imports no other wing.
"""
